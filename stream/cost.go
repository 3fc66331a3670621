package stream

// A Cost is what opening a source at a cursor takes beside reading on from there:
// a row in a compressed file can only be decoded from some way before it. It is
// zero where files are not compressed, and in Parquet.
type Cost struct {
	File       string // the file's name, as Describer has it
	Compressed int64  // bytes of the file that are read and decoded again, at most
	Raw        int64  // bytes of text that are decoded and thrown away
}

// A Coster is a Source that knows what it takes to open it at a cursor, without
// reading anything. What finding a row by counting takes (Cursor.OnlyRow) is not
// known. All sources of files are Costers.
type Coster interface{ Cost(c Cursor) Cost }

// Cost implements Coster.
func (s *fileSource) Cost(c Cursor) Cost {
	at := c.first()
	if c.OnlyRow || !s.packed() || at.File < 0 || at.File >= len(s.files) {
		return Cost{}
	}
	f := s.files[at.File]
	cost := Cost{File: s.Describe(at)}
	if c.Point == nil {
		cost.Raw = at.Offset
		if at.Offset > 0 {
			cost.Compressed = f.size() // how much of it is not known
		}
		return cost
	}
	cost.Compressed, cost.Raw = c.Point.Cost(at.Offset)
	cost.Compressed = min(cost.Compressed, max(f.size()-c.Point.From, 0))
	return cost
}

// Cost implements Coster: of the window, that is read again, too.
func (s *shuffled) Cost(c Cursor) Cost {
	return costOf(s.Source, Cursor{Next: s.start(c.first()), OnlyRow: c.OnlyRow, Point: c.Point})
}

// Cost implements Coster.
func (s *repeated) Cost(c Cursor) Cost {
	return costOf(s.Source, cursorInPass(c, c.first().PassRow))
}

func costOf(src Source, c Cursor) Cost {
	if s, ok := src.(Coster); ok {
		return s.Cost(c)
	}
	return Cost{}
}
