package hub

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A ring is a queue of bytes, however it is filled, taken from and grown.
func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		var model []byte
		next := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) {
				n, limit := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(0, 60).Draw(t, "limit")
				before := len(r.buf)
				r.grow(n, limit)
				if len(r.buf) < max(n, before) || len(r.buf) > max(n, limit, before) {
					t.Fatalf("grown from %d to %d", before, len(r.buf))
				}
			},
			"fill": func(t *rapid.T) {
				p := r.free()
				if len(p) == 0 && r.have < len(r.buf) {
					t.Fatalf("no room, with %d of %d bytes", r.have, len(r.buf))
				}
				n := rapid.IntRange(0, len(p)).Draw(t, "n")
				for i := range p[:n] {
					p[i] = next
					model = append(model, next)
					next++
				}
				r.have += n
			},
			"take": func(t *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 40).Draw(t, "n"))
				n := r.take(p)
				if n == 0 && len(p) > 0 && len(model) > 0 || n > len(model) || !bytes.Equal(p[:n], model[:n]) {
					t.Fatalf("took %v of %v", p[:n], model)
				}
				model = model[n:]
			},
			"": func(t *rapid.T) {
				if r.have != len(model) {
					t.Fatalf("%d bytes held, want %d", r.have, len(model))
				}
			},
		})
	})
}
