package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// batch is how many elements are encoded before they are written.
const batch = 256

// WriteArray writes n elements as the JSON array that WriteJSON would write. A
// listing may be long: it is encoded in batches, one for each processor at a
// time, so element is called by several goroutines.
func WriteArray[T any](w io.Writer, n int, element func(i int) T) error {
	if n == 0 {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	texts := make([]bytes.Buffer, runtime.GOMAXPROCS(0))
	errs := make([]error, len(texts))
	for from := 0; from < n; {
		var wg sync.WaitGroup
		for i := range texts {
			text, start, end := &texts[i], from, min(from+batch, n)
			text.Reset()
			wg.Go(func() { errs[i] = appendElements(text, start, end, element) })
			from = end
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		for i := range texts {
			if _, err := w.Write(texts[i].Bytes()); err != nil {
				return fmt.Errorf("write JSON: %w", err)
			}
		}
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}

// appendElements encodes elements with what stands before each.
func appendElements[T any](text *bytes.Buffer, start, end int, element func(i int) T) error {
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	for i := start; i < end; i++ {
		if i == 0 {
			text.WriteString("[\n  ")
		} else {
			text.WriteString(",\n  ")
		}
		if err := enc.Encode(element(i)); err != nil {
			return err
		}
		text.Truncate(text.Len() - 1) // the newline that Encode adds
	}
	return nil
}
