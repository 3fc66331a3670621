package kato

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"
)

// A call is one sequence to be observed and learned.
type call struct {
	session  string
	layer    int      // by which its time is counted
	symbols  []string // valid UTF-8, each an event of its own
	metadata []byte   // a JSON object, sent with each symbol; nil for none
}

// maxKept is the capacity up to which a buffer is kept, in bytes: few chunks are so
// long that their answers need more.
const maxKept = 64 << 10

// answers are buffers for the answers to observe.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// observe has the server observe and learn a sequence by one request, which it
// sends once. The error is errNotSent, errNoSession, a *lostError or a
// *RejectedError, or the context's.
func (c *client) observe(ctx context.Context, o call) (answer, error) {
	buffer, _ := answers.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= maxKept {
			answers.Put(buffer)
		}
	}()
	buffer.Reset()
	r := request{method: http.MethodPost, session: o.session, path: "/observe-sequence", body: o.encode(), timeout: c.waits.Request}
	began := time.Now()
	if err := c.send(ctx, r, buffer); err != nil {
		return answer{}, err
	}
	c.stats.took(o.layer, time.Since(began))
	a, err := decodeAnswer(buffer.Bytes())
	if err != nil {
		return answer{}, undecodable(err)
	}
	return a, nil
}

// encode writes the request's body. What it holds is not used again: a transport
// may read it after its request has failed.
func (o *call) encode() []byte {
	const around = len(`{"observations":[],"learn_after_each":false,"learn_at_end":true,"clear_stm_between":false}`)
	const each = len(`{"strings":[""],"metadata":},`)
	size := around
	for _, s := range o.symbols {
		size += each + len(s) + len(o.metadata)
	}
	b := append(make([]byte, 0, size+size/16), `{"observations":[`...)
	for i, s := range o.symbols {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"strings":[`...)
		b = appendString(b, s)
		b = append(b, ']')
		if o.metadata != nil {
			b = append(b, `,"metadata":`...)
			b = append(b, o.metadata...)
		}
		b = append(b, '}')
	}
	return append(b, `],"learn_after_each":false,"learn_at_end":true,"clear_stm_between":false}`...)
}

// appendString appends a string of JSON.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(append(b, s[from:i]...), '\\', c)
		case c < ' ':
			b = append(append(b, s[from:i]...), '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			continue
		}
		from = i + 1
	}
	return append(append(b, s[from:]...), '"')
}
