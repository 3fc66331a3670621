package unpack

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
)

// A Member is what is needed to go on within a member of a gzip stream, where a
// block of it starts.
type Member struct {
	Bit    uint8  `json:"bit"`    // of the byte at Point.From, counted from the lowest
	Raw    int64  `json:"raw"`    // raw bytes of the member before the point
	CRC    uint32 `json:"crc"`    // their checksum
	Window Window `json:"window"` // the last of them, up to 32 KiB. It is shared by points and must not be written to
}

// A Window is raw bytes, in JSON compressed.
type Window []byte

// MarshalJSON implements json.Marshaler.
func (w Window) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(w); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(b.Bytes())
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *Window) UnmarshalJSON(data []byte) error {
	var packed []byte
	if err := json.Unmarshal(data, &packed); err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), window+1))
	if err != nil {
		return fmt.Errorf("%w: its window: %w", ErrPoint, err)
	}
	*w = raw
	return nil
}

// check returns an error if m cannot be that of p.
func (m *Member) check(p Point) error {
	switch {
	case p.From == 0 || m.Bit > 7 || m.Raw < 0 || m.Raw > p.Raw:
		return fmt.Errorf("%w: bit %d, %d bytes into a member", ErrPoint, m.Bit, m.Raw)
	case int64(len(m.Window)) != min(m.Raw, window):
		return fmt.Errorf("%w: a window of %d bytes, %d bytes into a member", ErrPoint, len(m.Window), m.Raw)
	}
	return nil
}
