package unpack

import (
	"encoding/binary"
	"sync"
)

const (
	window       = 32 << 10  // how far back a match may reach
	outputBuffer = 128 << 10 // how much is decoded at a time
	longestMatch = 258
	// outputSlack is what one turn of the decoding of symbols may write: two
	// literals and a match, which is copied in steps of eight bytes.
	outputSlack = 2 + longestMatch + 8

	literalRoot  = 11
	distanceRoot = 9
	lengthsRoot  = 7
)

// inflater decodes deflate streams (RFC 1951). It stops between blocks, for
// what it is driven by to look.
type inflater struct {
	bitReader

	// out holds what was decoded: out[rd:wr] is not handed out yet, and what is
	// from low on before wr is what a match may reach.
	out          []byte
	low, rd, wr  int
	stored       int  // bytes to come of a block that is not compressed
	last         bool // whether the block is the stream's last one
	code         *code
	own          code       // of the block, where it has its own
	lengths      [320]uint8 // of the symbols of both of its parts
	lengthsTable [1 << lengthsRoot]entry
}

// A code is the two Huffman codes of a block.
type code struct {
	literals       huffman // and lengths, and the end
	distances      huffman
	literalsTable  [1 << literalRoot]entry
	distancesTable [1 << distanceRoot]entry
}

// full is where in out no further turn fits.
const full = window + outputBuffer

func newOutput() []byte { return make([]byte, full+outputSlack) }

// slide makes room in out, all of which has been handed out.
func (d *inflater) slide() {
	if d.wr < full {
		return
	}
	from := d.wr - window
	d.wr = copy(d.out, d.out[from:d.wr])
	d.rd = d.wr
	d.low = max(d.low-from, 0)
}

// block reads the header of the next block.
func (d *inflater) block() error {
	h, err := d.bits(3)
	if err != nil {
		return err
	}
	d.last = h&1 != 0
	d.code = nil
	switch h >> 1 {
	case 0:
		var b [4]byte
		if err := d.bytes(b[:]); err != nil {
			return err
		}
		size, inverse := binary.LittleEndian.Uint16(b[:]), binary.LittleEndian.Uint16(b[2:])
		if size != ^inverse {
			return corrupt("the length of a stored block contradicts itself")
		}
		d.stored = int(size)
	case 1:
		d.code = fixedCode()
	case 2:
		return d.readCode()
	default:
		return corrupt("unknown type of block")
	}
	return nil
}

// body decodes the block until it ends or there is no more room.
func (d *inflater) body() (end bool, err error) {
	if d.code != nil {
		return d.symbols()
	}
	for d.stored > 0 && d.wr < full {
		if d.pos == d.end {
			if err := d.fill(); err != nil {
				return false, err
			}
		}
		n := copy(d.out[d.wr:min(d.wr+d.stored, full)], d.buf[d.pos:d.end])
		d.pos += n
		d.wr += n
		d.stored -= n
	}
	return d.stored == 0, nil
}

// symbols decodes the symbols of a block until it ends or there is no more room.
func (d *inflater) symbols() (end bool, err error) {
	for !end && d.wr < full {
		for d.end-d.pos < inputNear && d.err == nil {
			d.fill() // the error is seen when it matters
		}
		safe, room := d.end-inputNear, full
		near := safe < d.pos
		if near {
			// One turn at a time, so that it is seen when the padding behind
			// the end has been taken for input.
			safe, room = d.pos, d.wr+1
		}
		before := d.wr
		end, err = d.run(safe, room)
		d.giveBack()
		if d.pos > d.end {
			d.wr = before
			return false, d.err
		}
		if err != nil {
			return false, err
		}
	}
	return end, nil
}

// run decodes symbols while the input's position is at most safe and the
// output's less than room.
func (d *inflater) run(safe, room int) (end bool, err error) {
	var (
		buf, pos, acc, n = d.buf, d.pos, d.acc, d.n
		out, wr, low     = d.out, d.wr, d.low
		c                = d.code
	)
	for pos <= safe && wr < room {
		// At least 56 bits from here.
		acc |= load64(buf, pos) << (n & 63)
		pos += int(63-n) >> 3
		n |= 56

		e := c.literalsTable[acc&(1<<literalRoot-1)]
		if e&isLiteral != 0 {
			acc >>= e.length()
			n -= e.length()
			out[wr] = byte(e >> 16)
			wr++
			e = c.literalsTable[acc&(1<<literalRoot-1)]
			if e&isLiteral != 0 {
				acc >>= e.length()
				n -= e.length()
				out[wr] = byte(e >> 16)
				wr++
				e = c.literalsTable[acc&(1<<literalRoot-1)]
			}
		}
		// At least 34 bits: enough for a length, its extra bits and what the
		// padding of a literal's code may be.
		if e&isLink != 0 {
			e = c.literals.follow(e, acc>>literalRoot)
		}
		acc >>= e.length()
		n -= e.length()
		if e&isLiteral != 0 {
			out[wr] = byte(e >> 16)
			wr++
			continue
		}
		if e&isMatch == 0 {
			if end = e&isEnd != 0; !end {
				err = corrupt("bits that are no symbol")
			}
			break
		}
		length := e.value() + int(acc&(1<<e.extra()-1))
		acc >>= e.extra()
		n -= e.extra()

		acc |= load64(buf, pos) << (n & 63)
		pos += int(63-n) >> 3
		n |= 56

		e = c.distancesTable[acc&(1<<distanceRoot-1)]
		if e&isLink != 0 {
			e = c.distances.follow(e, acc>>distanceRoot)
		}
		acc >>= e.length()
		n -= e.length()
		if e&isMatch == 0 {
			err = corrupt("bits that are no distance")
			break
		}
		distance := e.value() + int(acc&(1<<e.extra()-1))
		acc >>= e.extra()
		n -= e.extra()
		if distance > wr-low {
			err = corrupt("a match reaches back before the start")
			break
		}
		repeat(out, wr, distance, length)
		wr += length
	}
	d.pos, d.acc, d.n, d.wr = pos, acc, n, wr
	return end, err
}

// repeat copies the length bytes that are distance back in out to wr. It may
// write up to eight bytes more.
func repeat(out []byte, wr, distance, length int) {
	from, to := wr-distance, wr+length
	switch {
	case distance >= 8 && length <= 64:
		for ; wr < to; wr, from = wr+8, from+8 {
			store64(out, wr, load64(out, from))
		}
	case distance >= length:
		copy(out[wr:to], out[from:])
	default:
		// Each copy doubles what there is to copy from.
		for wr < to {
			wr += copy(out[wr:to], out[from:wr])
		}
	}
}

// readCode reads the code of a block that has its own.
func (d *inflater) readCode() error {
	h, err := d.bits(14)
	if err != nil {
		return err
	}
	literals, distances, lengths := int(h&31)+257, int(h>>5&31)+1, int(h>>10)+4
	if literals > 286 || distances > 30 {
		return corrupt("a code of too many symbols")
	}
	var order [len(lengthsOrder)]uint8
	for _, i := range lengthsOrder[:lengths] {
		l, err := d.bits(3)
		if err != nil {
			return err
		}
		order[i] = uint8(l)
	}
	var code huffman
	if !code.build(d.lengthsTable[:], order[:], lengthSymbols[:]) {
		return corrupt("lengths that are no code")
	}
	all := d.lengths[:literals+distances]
	for i := 0; i < len(all); {
		e, err := d.lengthSymbol()
		if err != nil {
			return err
		}
		switch e & (isLiteral | isMatch) {
		case isLiteral:
			all[i] = uint8(e.value())
			i++
			continue
		case 0:
			return corrupt("bits that are no length")
		}
		more, err := d.bits(e.extra())
		if err != nil {
			return err
		}
		n, l := e.value()+int(more), uint8(0)
		if e.extra() == 2 { // the length before again
			if i == 0 {
				return corrupt("a repeated length without one before")
			}
			l = all[i-1]
		}
		if n > len(all)-i {
			return corrupt("more lengths than symbols")
		}
		for range n {
			all[i] = l
			i++
		}
	}
	if all[endOfBlock] == 0 {
		return corrupt("a code without an end of the block")
	}
	d.code = &d.own
	if !d.own.build(all[:literals], all[literals:]) {
		return corrupt("lengths that are no code")
	}
	return nil
}

// lengthSymbol reads a symbol of the code in which the lengths of a block's
// code are written. Its bits may be the last ones of the stream.
func (d *inflater) lengthSymbol() (entry, error) {
	for n := uint(1); ; n++ {
		if err := d.need(n); err != nil {
			return 0, err
		}
		n = d.n
		if e := d.lengthsTable[d.acc&(1<<lengthsRoot-1)]; e.length() <= n {
			d.drop(e.length())
			return e, nil
		}
	}
}

func (c *code) build(literals, distances []uint8) bool {
	return c.literals.build(c.literalsTable[:], literals, literalSymbols[:]) &&
		c.distances.build(c.distancesTable[:], distances, distanceSymbols[:])
}

const endOfBlock = 256

// What the symbols of the codes mean (RFC 1951, 3.2.5 and 3.2.7). The last ones
// of the fixed code mean nothing.
var (
	literalSymbols  = makeLiteralSymbols()
	distanceSymbols = makeDistanceSymbols()
	lengthSymbols   = makeLengthSymbols()
	lengthsOrder    = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

func makeLiteralSymbols() (s [288]entry) {
	for i := range endOfBlock {
		s[i] = makeEntry(isLiteral, i, 0)
	}
	s[endOfBlock] = makeEntry(isEnd, 0, 0)
	least := 3
	for i := range 28 {
		extra := max(i/4-1, 0)
		s[endOfBlock+1+i] = makeEntry(isMatch, least, extra)
		least += 1 << extra
	}
	s[285] = makeEntry(isMatch, longestMatch, 0)
	return s
}

func makeDistanceSymbols() (s [32]entry) {
	least := 1
	for i := range 30 {
		extra := max(i/2-1, 0)
		s[i] = makeEntry(isMatch, least, extra)
		least += 1 << extra
	}
	return s
}

func makeLengthSymbols() (s [19]entry) {
	for i := range 16 {
		s[i] = makeEntry(isLiteral, i, 0)
	}
	s[16] = makeEntry(isMatch, 3, 2)
	s[17] = makeEntry(isMatch, 3, 3)
	s[18] = makeEntry(isMatch, 11, 7)
	return s
}

// fixedCode is the code of the blocks that have none of their own.
var fixedCode = sync.OnceValue(func() *code {
	var literals [288]uint8
	for i := range literals {
		switch {
		case i < 144:
			literals[i] = 8
		case i < 256:
			literals[i] = 9
		case i < 280:
			literals[i] = 7
		default:
			literals[i] = 8
		}
	}
	var distances [32]uint8
	for i := range distances {
		distances[i] = 5
	}
	c := new(code)
	c.build(literals[:], distances[:])
	return c
})
