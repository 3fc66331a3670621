package gpt2

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// benchmarkRows returns the rows of WikiText, or else lines of Newton's Opticks,
// which comes with Go.
func benchmarkRows(b *testing.B) [][]byte {
	b.Helper()
	if rows := wikitext(b); rows != nil {
		return rows
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skip("no text: ", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "testdata", "Isaac.Newton-Opticks.txt"))
	if err != nil {
		b.Skip("no text: ", err)
	}
	return bytes.Split(text, []byte("\n"))
}

func BenchmarkEncode(b *testing.B) {
	rows := benchmarkRows(b)
	e := vocabulary(b).NewEncoder()
	var ids []uint16
	size, tokens := 0, 0
	for _, row := range rows {
		ids = e.Append(ids[:0], row)
		size += len(row)
		tokens += len(ids)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, row := range rows {
			ids = e.Append(ids[:0], row)
		}
	}
	b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkLongPiece encodes one piece of 1 MB, which no cache helps with.
func BenchmarkLongPiece(b *testing.B) {
	e := vocabulary(b).NewEncoder()
	text := bytes.Repeat([]byte("a"), 1<<20)
	ids := e.Append(nil, text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		ids = e.Append(ids[:0], text)
	}
}

// BenchmarkLoad makes the vocabulary, which the first call of Shared does.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := load(); err != nil {
			b.Fatal(err)
		}
	}
}
