package stream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"ckptledger/stream/unpack"
)

// recognise returns a file's format: by its extension, else by how it starts.
func recognise(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if !info.Mode().IsRegular() {
		// Also because opening a pipe would wait for its writer.
		return "", &FormatError{Path: path, Reason: "not a regular file: it could not be read again to resume"}
	}
	if foreign[extension(path)] {
		return "", &FormatError{Path: path, Reason: reasonForeign}
	}
	if kind := kindOf(path); kind != "" {
		return kind, nil
	}
	head, err := headOf(path)
	if err != nil {
		return "", err
	}
	return sniff(path, head)
}

// headOf returns how a file starts, unpacked if it is compressed.
func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	return readHead(path, f)
}

// readHead is headOf for the content of a file, and its name or address.
func readHead(name string, r io.Reader) ([]byte, error) {
	if _, p := splitPacking(strings.ToLower(name)); p.open != nil {
		u, err := p.open(r, unpack.Point{})
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		defer u.Close()
		r = u
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(r, head)
	var corrupt *unpack.CorruptError
	switch {
	case err == nil || err == io.EOF || err == io.ErrUnexpectedEOF:
		return head[:n], nil
	case errors.As(err, &corrupt):
		return nil, &FormatError{Path: name, Reason: reasonPacked, Err: err}
	}
	return nil, fmt.Errorf("data: %w", err)
}

const (
	// reasonPacked is what is wrong with a file that is damaged where it starts.
	reasonPacked = "cannot be decompressed"

	// reasonArray is what is wrong with JSON that is not JSON lines.
	reasonArray = "a JSON array; write one object a line instead"

	reasonForeign = "compressed in a way that is not read; gzip and zstd are: decompress it, or compress it as one of them"
)

// sniff returns the format of a file that starts with head when it is unpacked.
func sniff(path string, head []byte) (string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(head), string(byteOrderMark)))
	stem, p := splitPacking(strings.ToLower(path))
	switch {
	case strings.HasPrefix(text, "PAR1") && p.ext != "":
		return "", &FormatError{Path: path, Reason: "Parquet that is compressed once more; decompress it first"}
	case strings.HasPrefix(text, "PAR1"):
		return formatParquet, nil
	case strings.HasPrefix(text, "{"):
		return formatJSONL + p.ext, nil
	case strings.HasPrefix(text, "[") && extension(stem) == ".json":
		return "", &FormatError{Path: path, Reason: reasonArray}
	case strings.ContainsRune(text, 0):
		return "", &FormatError{Path: path, Reason: "not text, JSON lines or Parquet"}
	}
	return formatText + p.ext, nil
}
