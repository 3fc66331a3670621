package main

import (
	"fmt"
	"path/filepath"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/stream"
)

// decodeRates are bytes of text a second that one core decodes and passes over, as
// measured over JSON lines; what lies far away may come slower than that.
var decodeRates = map[string]float64{".gz": 250e6, ".zst": 400e6}

// costWords says what it takes to go on in a compressed file, empty where that is
// nothing: "4.2 MB of a.jsonl.gz are read again, …".
func costWords(format string, cost stream.Cost) string {
	if cost.Compressed == 0 {
		return ""
	}
	return fmt.Sprintf("up to %s of %s are read again, %s of text decoded and thrown away, about %s",
		human.Bytes(cost.Compressed), human.Printable(cost.File), human.Bytes(cost.Raw), human.Duration(decodeTime(format, cost.Raw)))
}

// decodeTime estimates how long it takes to decode so many bytes of text.
func decodeTime(format string, raw int64) time.Duration {
	seconds := float64(raw) / decodeRates[filepath.Ext(format)]
	return max(time.Duration(seconds*float64(time.Second)), time.Millisecond)
}

// costJSON is a cost as --explain --json shows it.
type costJSON struct {
	Compressed int64 `json:"compressed_bytes"`
	Raw        int64 `json:"raw_bytes"`
}
