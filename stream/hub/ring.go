package hub

// A ring holds bytes between who gets and who takes them. It grows, and never
// shrinks.
type ring struct {
	buf   []byte
	start int // of what is held, which goes on at the front of buf
	have  int // bytes held
}

// grow makes sure that the ring can hold n bytes, with those it has. It doubles
// up to limit, so that it seldom copies.
func (r *ring) grow(n, limit int) {
	if n <= len(r.buf) {
		return
	}
	buf := make([]byte, max(n, min(2*len(r.buf), limit)))
	tail := copy(buf, r.buf[r.start:min(len(r.buf), r.start+r.have)])
	copy(buf[tail:], r.buf[:r.have-tail])
	r.buf, r.start = buf, 0
}

// free returns a piece to be filled from its beginning, empty if there is none.
func (r *ring) free() []byte {
	if r.have == len(r.buf) {
		return nil
	}
	from := (r.start + r.have) % len(r.buf)
	return r.buf[from:min(len(r.buf), from+len(r.buf)-r.have)]
}

// take moves what is held to p, as far as it lies in one piece.
func (r *ring) take(p []byte) int {
	if r.have == 0 {
		return 0
	}
	n := copy(p, r.buf[r.start:min(len(r.buf), r.start+r.have)])
	r.start = (r.start + n) % len(r.buf)
	r.have -= n
	return n
}
