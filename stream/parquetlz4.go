package stream

import (
	"errors"
	"fmt"

	pq "github.com/parquet-go/parquet-go/format"
)

// errLZ4 is wrapped by the errors of pages that are no LZ4 blocks.
var errLZ4 = errors.New("damaged LZ4 data")

// An lz4Guard looks at the pages of a chunk in LZ4 before the library does. The
// library takes a block that is damaged for one that needs more room, doubles
// that until the memory is used up, and ends the process.
type lz4Guard struct {
	next int64  // offset of the page that comes next, or of which data is the start
	data []byte // of that page
}

// see looks at the bytes p, which are at off in the file. An error says that the
// library must not get them.
func (g *lz4Guard) see(p []byte, off int64) error {
	if off != g.next+int64(len(g.data)) {
		return fmt.Errorf("%w: page at byte %d read out of turn", errLZ4, off)
	}
	g.data = append(g.data, p...)
	rest := g.data
	for {
		header, size, err := pageHeader(rest)
		if err != nil && len(rest) >= maxPageHeader {
			return fmt.Errorf("%w: header of the page at byte %d: %w", errLZ4, g.next, err)
		}
		end := size + int(header.CompressedPageSize)
		if err != nil || end > len(rest) { // more is to come
			g.data = append(g.data[:0], rest...)
			return nil
		}
		if end < size {
			return fmt.Errorf("%w: page at byte %d of %d bytes", errLZ4, g.next, header.CompressedPageSize)
		}
		if err := checkLZ4(&header, rest[size:end]); err != nil {
			return fmt.Errorf("page at byte %d: %w", g.next, err)
		}
		rest = rest[end:]
		g.next += int64(end)
	}
}

// checkLZ4 makes sure that what is compressed of a page becomes as many bytes as
// its header says.
func checkLZ4(header *pq.PageHeader, body []byte) error {
	want := int64(header.UncompressedPageSize)
	if header.Type == pq.DataPageV2 {
		v2 := &header.DataPageHeaderV2.V
		levels := int64(v2.RepetitionLevelsByteLength) + int64(v2.DefinitionLevelsByteLength)
		if levels < 0 || levels > int64(len(body)) {
			return fmt.Errorf("%w: %d bytes of levels", errLZ4, levels)
		}
		if v2.IsCompressed.Valid && !v2.IsCompressed.V {
			return nil
		}
		body, want = body[levels:], want-levels
	}
	if got := lz4Size(body); got != want {
		return fmt.Errorf("%w: %d bytes, want %d", errLZ4, got, want)
	}
	return nil
}

// lz4Size returns how many bytes an LZ4 block decodes to, -1 if it is none.
func lz4Size(block []byte) int64 {
	size := int64(0)
	for i := 0; i < len(block); {
		token := block[i]
		literals, next := lz4Length(block, i+1, token>>4)
		if next < 0 || literals > int64(len(block)-next) {
			return -1
		}
		size += literals
		i = next + int(literals)
		if i == len(block) { // the last sequence has no match
			if token&0xF != 0 {
				return -1
			}
			return size
		}
		if i+2 > len(block) {
			return -1
		}
		distance := int64(block[i]) | int64(block[i+1])<<8
		match, next := lz4Length(block, i+2, token&0xF)
		if next < 0 || distance == 0 || distance > size {
			return -1
		}
		const minMatch = 4
		size += match + minMatch
		i = next
	}
	return -1
}

// lz4Length reads what follows at i of a length that starts with 4 bits of a
// token, and returns where it ends, -1 if it does not.
func lz4Length(block []byte, i int, bits byte) (n int64, next int) {
	n = int64(bits)
	if bits < 0xF {
		return n, i
	}
	for ; i < len(block); i++ {
		n += int64(block[i])
		if block[i] < 0xFF {
			return n, i + 1
		}
	}
	return 0, -1
}
