package records

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// WriteArray writes n elements as one JSON array, an element a line, and holds
// one of them at a time: listings may be long, and lines can be searched.
func WriteArray[T any](w io.Writer, n int, element func(i int) T) error {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out) // which ends each value with a newline
	enc.SetEscapeHTML(false)
	out.WriteByte('[')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := enc.Encode(element(i)); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
	}
	out.WriteString("]\n")
	return out.Flush()
}
