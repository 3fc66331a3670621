package local

// A list is a sequence that only grows at its end. Its elements lie in blocks
// of one length, so that growing neither moves nor copies them: memory does not
// double for a moment, and a copy of the list value stays a valid view of the
// elements it had, which another goroutine may read while the original grows.
type list[T any] struct {
	blocks []*[blockLen]T
	n      int
}

const (
	blockBits = 13
	blockLen  = 1 << blockBits // also the longest run that extend can give
)

func (l *list[T]) len() int { return l.n }

// at returns the address of element i, 0 <= i < len.
func (l *list[T]) at(i int) *T { return &l.blocks[i>>blockBits][i&(blockLen-1)] }

func (l *list[T]) add(v T) {
	_, run := l.extend(1)
	run[0] = v
}

// extend adds n zero elements, n <= blockLen, that lie side by side, and
// returns the position of the first. Where the last block has no room for all
// of them its rest stays unused.
func (l *list[T]) extend(n int) (at int, run []T) {
	if free := len(l.blocks)<<blockBits - l.n; free < n {
		l.n += free
		l.blocks = append(l.blocks, new([blockLen]T))
	}
	at = l.n
	l.n += n
	return at, l.run(at, n)
}

// run returns the n elements that one call of extend added at position at.
func (l *list[T]) run(at, n int) []T {
	i := at & (blockLen - 1)
	return l.blocks[at>>blockBits][i : i+n : i+n]
}

// from returns a copy of the elements from position i on.
func (l *list[T]) from(i int) []T {
	elements := make([]T, 0, l.n-i)
	for i < l.n {
		n := min(blockLen-i&(blockLen-1), l.n-i)
		elements = append(elements, l.run(i, n)...)
		i += n
	}
	return elements
}
