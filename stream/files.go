package stream

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// A file is one file of a source.
type file struct {
	place
	known atomic.Int64 // 1 more than its rows; 0: not known without reading
}

// rows returns how many rows the file has, -1 while that is not known.
func (f *file) rows() int64 { return f.known.Load() - 1 }

// learn remembers how many rows the file has.
func (f *file) learn(rows int64) { f.known.Store(rows + 1) }

// findFiles resolves files, folders and globs to the files of one source, in
// the byte order of their absolute paths and each once, and says what format
// they have. patterns are the same as absolute ones, to be remembered.
//
// A folder means all its files whose name says a format, not those of its
// own folders: a split left in there by accident would be trained on unnoticed.
func findFiles(data []string) (paths, patterns []string, format string, err error) {
	for _, name := range data {
		pattern, found, err := resolve(name)
		if err != nil {
			return nil, nil, "", err
		}
		patterns = append(patterns, pattern)
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)

	first := make(map[string]string) // format to the first file that has it
	for _, path := range paths {
		f, err := recognise(path)
		if err != nil {
			return nil, nil, "", err
		}
		if first[f] == "" {
			first[f] = path
		}
		format = f
	}
	if len(first) > 1 {
		var mixed []string
		for f, path := range first {
			mixed = append(mixed, fmt.Sprintf("%s (%s)", path, f))
		}
		slices.Sort(mixed)
		return nil, nil, "", &FormatError{
			Path:   commonFolder(paths),
			Reason: "files of several formats: " + strings.Join(mixed, ", ") + "; name those of one, or use a glob",
		}
	}
	return paths, patterns, format, nil
}

// resolve returns the files that one file, folder or glob means, at least one,
// and name as an absolute pattern.
func resolve(name string) (pattern string, files []string, err error) {
	if strings.Contains(name, "://") {
		name, _, _ = strings.Cut(name, "?") // which may be a signature
		return "", nil, &FormatError{Path: name, Reason: "neither a local file nor an https address"}
	}
	if strings.HasPrefix(name, hubPrefix) {
		return "", nil, &FormatError{Path: name, Reason: "names a dataset on the hub, not files: give it as the dataset"}
	}
	pattern, err = filepath.Abs(name)
	if err != nil {
		return "", nil, fmt.Errorf("data %s: %w", name, err)
	}
	info, err := os.Stat(pattern)
	switch {
	case err == nil && info.IsDir():
		files, err = filesIn(pattern)
		return pattern, files, err
	case err == nil:
		return pattern, []string{pattern}, nil
	case !strings.ContainsAny(name, `*?[`):
		return "", nil, fmt.Errorf("data %s: %w", name, err)
	}
	if !filepath.IsAbs(name) {
		// Only what was given is a pattern, not the folder it is relative to.
		folder, err := filepath.Abs(".")
		if err != nil {
			return "", nil, fmt.Errorf("data %s: %w", name, err)
		}
		pattern = filepath.Join(globEscape.Replace(folder), name)
	}
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return "", nil, fmt.Errorf("data %s: %w", name, err)
	}
	for _, m := range matches {
		if info, err := os.Stat(m); err == nil && !info.IsDir() {
			files = append(files, m)
		}
	}
	if len(files) == 0 {
		return "", nil, fmt.Errorf("data %s: %w: no file matches", name, ErrNoData)
	}
	return pattern, files, nil
}

// globEscape quotes what filepath.Match gives a meaning, where it can.
var globEscape = func() *strings.Replacer {
	if os.PathSeparator == '\\' {
		return strings.NewReplacer()
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)
}()

// filesIn returns the data files of a folder; hidden ones are none.
func filesIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("data %s: %w", folder, err)
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") || kindOf(e.Name()) == "" {
			continue
		}
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue // a dangling link, or a folder that is named like a file
		}
		files = append(files, path)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("data %s: %w: the folder itself holds no .txt, .jsonl or .parquet file, nor .gz or .zst of the first two", folder, ErrNoData)
	}
	return files, nil
}

func extension(path string) string { return strings.ToLower(filepath.Ext(path)) }

// commonFolder returns the deepest folder that holds all the files.
func commonFolder(paths []string) string {
	folder := filepath.Dir(paths[0])
	for _, p := range paths[1:] {
		for !within(folder, p) {
			folder = filepath.Dir(folder)
		}
	}
	return folder
}

func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err != nil || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// statFiles looks at the files of a source.
func statFiles(ctx context.Context, paths []string) ([]*file, error) {
	files := make([]*file, len(paths))
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		id, err := identify(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("data: %w", &fs.PathError{Op: "stat", Path: path, Err: err})
		}
		files[i] = &file{place: &localFile{path: path, id: id}}
	}
	return files, nil
}
