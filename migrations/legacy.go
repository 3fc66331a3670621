package migrations

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Kind says which program, or which part of it, wrote an old checkpoint file.
type Kind string

// The kinds of old files.
const (
	V2         Kind = "v2"         // the notebook, one thread
	Parallel   Kind = "parallel"   // the parallel training function
	Streaming  Kind = "streaming"  // the serial training function
	Manifest   Kind = "manifest"   // the record of a finished training
	Pickle     Kind = "pickle"     // Python objects: running them is reading them
	Unreadable Kind = "unreadable" // none of these can be recognised
)

// A Legacy is what an old checkpoint file says. None of its counts is a row of
// the source, so it can be looked at and imported, and never be resumed from.
// What the file does not say, or not in a form that can be true, is zero.
type Legacy struct {
	Path    string
	Kind    Kind
	Method  string // sequential, parallel, or empty
	Dataset string // as the file says, else as its name says

	Attempted *int64 // samples handed to workers, trained or not
	Completed *int64 // samples that were trained
	Errored   *int64

	Timestamp      time.Time // of the checkpoint
	ElapsedSeconds float64   // of the last session only: it restarts at every resume
	Config         map[string]any
	LastError      string

	Contradictions []string // what cannot be true of the file, or not all at once
	Problem        string   // why the file could not be read
}

// MaxLegacySize is the size in bytes from which on an old file is not read:
// 16 MiB, where real ones have a few hundred bytes.
const MaxLegacySize = 16 << 20

// suffixes are the endings of the names of checkpoints, before which the
// dataset stands.
var suffixes = map[string]Kind{
	"_v2_checkpoint.json":        V2,
	"_parallel_checkpoint.json":  Parallel,
	"_streaming_checkpoint.json": Streaming,
}

var manifestName = regexp.MustCompile(`^training_(\d{8}_\d{6})\.json$`)

// named returns what a file's name says: its kind, or "" for a name that no old
// program gave, and the dataset.
func named(name string) (kind Kind, dataset string) {
	for suffix, k := range suffixes {
		if d, ok := strings.CutSuffix(name, suffix); ok {
			return k, d
		}
	}
	switch {
	case manifestName.MatchString(name):
		return Manifest, ""
	case strings.HasSuffix(name, ".pkl"):
		return Pickle, ""
	}
	return "", ""
}

// ScanLegacy reads the old checkpoint files in dir, and the manifests in
// dir/manifests, in the order of their names. Folders below are not searched,
// and other files not looked at. It fails only if dir cannot be listed; what is
// wrong with a file is in its Problem.
func ScanLegacy(dir string) ([]Legacy, error) {
	found, err := scan(dir, func(Kind) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("look for old checkpoints: %w", err)
	}
	manifests := filepath.Join(dir, "manifests")
	// A link could lead anywhere: only a real folder is searched.
	if info, err := os.Lstat(manifests); err != nil || !info.IsDir() {
		return found, nil
	}
	more, err := scan(manifests, func(k Kind) bool { return k == Manifest })
	if err != nil {
		return found, fmt.Errorf("look for old manifests: %w", err)
	}
	return append(found, more...), nil
}

func scan(dir string, wanted func(Kind) bool) ([]Legacy, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []Legacy
	for _, e := range entries {
		kind, _ := named(e.Name())
		if kind == "" || !wanted(kind) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		l, err := ReadLegacy(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // removed just now
		case err != nil:
			l = Legacy{Path: path}.unreadable("%v", cause(err))
		}
		found = append(found, l)
	}
	return found, nil
}

// ReadLegacy reads one old checkpoint file, of which kind its name says, or
// else its content. It fails only if there is nothing to look at: what is wrong
// with a file is in its Problem. Only regular files are opened, and of these no
// pickles.
func ReadLegacy(path string) (Legacy, error) {
	kind, dataset := named(filepath.Base(path))
	l := Legacy{Path: path, Kind: kind, Dataset: dataset}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return Legacy{}, fmt.Errorf("read old checkpoint: %w", err)
	case !info.Mode().IsRegular():
		return l.unreadable("%s, not opened", typeName(info.Mode())), nil
	case kind == Pickle:
		l.Problem = "a Python pickle, never opened"
		return l, nil
	case info.Size() > MaxLegacySize:
		return l.unreadable("%d bytes are too many for a checkpoint", info.Size()), nil
	}
	data, err := readRegular(path)
	if err != nil {
		return l.unreadable("%v", err), nil
	}
	l.parse(data)
	if m := manifestName.FindStringSubmatch(filepath.Base(path)); m != nil && l.Timestamp.IsZero() && l.Problem == "" {
		// It names no zone: it was the clock on the wall.
		l.Timestamp, _ = time.ParseInLocation("20060102_150405", m[1], time.Local)
	}
	return l, nil
}

// readRegular returns the content of a regular file of at most MaxLegacySize.
// The file may have become another one since it was looked at: then it is
// neither followed nor waited for.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s, not read", typeName(info.Mode()))
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxLegacySize+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > MaxLegacySize {
		return nil, errors.New("it grows while it is read")
	}
	return data, nil
}

// cause drops the path from an error, which stands in Legacy already.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func typeName(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	default:
		return "not a regular file"
	}
}

func (l Legacy) unreadable(format string, args ...any) Legacy {
	l.Kind, l.Problem = Unreadable, fmt.Sprintf(format, args...)
	return l
}
