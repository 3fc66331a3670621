package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"ckptledger/stream/unpack"
)

const kindFiles = "files"

// probed is how many rows may lack a column before Open gives up on it.
const probed = 1000

// fileSource is a sequence of files of one format.
type fileSource struct {
	spec    Spec // Data as absolute patterns
	opt     Options
	kind    string // of all files, as Info.Format
	format  format
	files   []*file
	hashing int64   // hashedWhole, less in tests
	hub     *HubRef // what of the hub it is; nil: it is not
	web     bool    // files of the web

	mu    sync.Mutex
	print *Fingerprint // once it is known
}

func openFiles(ctx context.Context, spec Spec, opt Options) (Source, error) {
	paths, patterns, kind, err := findFiles(spec.Data)
	if err != nil {
		return nil, err
	}
	files, err := statFiles(ctx, paths)
	if err != nil {
		return nil, err
	}
	spec.Data = patterns
	s, err := newFileSource(ctx, spec, opt, kind, files)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// newFileSource returns the source of files of one format, and checks that it
// can be read.
func newFileSource(ctx context.Context, spec Spec, opt Options, kind string, files []*file) (s *fileSource, err error) {
	if !hasFields(kind) && len(spec.Columns) > 0 {
		return nil, ErrNoColumns
	}
	s = &fileSource{spec: spec, opt: opt, kind: kind, files: files, hashing: hashedWhole}
	if kind == formatParquet {
		s.format, err = openParquetFormat(ctx, spec.TextField, spec.Columns, files, s.known())
		if err != nil {
			return nil, err
		}
	} else {
		s.format = s.lineFormat()
	}
	if s.known() {
		return s, nil
	}
	if err := s.probe(ctx); err != nil {
		var corrupt *unpack.CorruptError
		if errors.As(err, &corrupt) {
			err = &FormatError{Path: s.where(), Reason: reasonPacked, Err: err}
		}
		return nil, err
	}
	return s, nil
}

// known reports whether there is nothing to be learned about the columns from the
// first rows: a run has read them before. So nothing far away is read that lies
// before the place where it goes on.
func (s *fileSource) known() bool {
	was := s.spec.Was
	return was != nil && !s.files[0].near() && (was.TextField == s.spec.TextField || !hasFields(s.kind)) && len(s.spec.Columns) == 0
}

// lineFormat is the format of a kind whose files hold lines.
func (s *fileSource) lineFormat() lineFormat {
	format := textFormat
	if hasFields(s.kind) {
		format = jsonlFormat(s.spec.TextField, s.spec.Columns)
	}
	_, format.packing = splitPacking(s.kind)
	format.seek = func(done, total int64) {
		if s.opt.Seek != nil {
			s.opt.Seek(done, total)
		}
	}
	return format
}

// probe reads the first rows: there has to be one, and one of those in its file
// has to have each column.
func (s *fileSource) probe(ctx context.Context) error {
	if s.kind == formatParquet && slices.ContainsFunc(s.files, func(f *file) bool { return f.rows() > 0 }) {
		return nil // a footer says all that
	}
	r, err := s.reader(ctx, Position{}, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	r.alone = true
	missing := append([]string{s.spec.TextField}, s.spec.Columns...)
	rows := 0
	for first := true; rows < probed && len(missing) > 0 && first; rows++ {
		row, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if rows == 0 && s.kind != formatParquet && hasFields(s.kind) && startsArray(row.raw) {
			return &FormatError{Path: r.now.name(), Reason: reasonArray}
		}
		first = row.Next.File == row.At.File // what comes then may lie far away
		missing = slices.DeleteFunc(missing, func(column string) bool {
			if column == s.spec.TextField {
				return !row.noField
			}
			return row.Columns[column] != nil
		})
	}
	switch {
	case rows == 0:
		return fmt.Errorf("data %s: %w: the files hold no row", s.where(), ErrNoData)
	case len(missing) == 0 || s.kind == formatParquet || !hasFields(s.kind):
		return nil
	}
	have, err := jsonColumns(ctx, s)
	if err != nil {
		return err
	}
	return &ColumnError{
		Path:   s.where(),
		Column: missing[0],
		Reason: fmt.Sprintf("none of the first %d rows has it", rows),
		Have:   have,
	}
}

// startsArray reports whether a line is the first of an array of objects, on one
// line or on many.
func startsArray(line []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("["))
	rest = bytes.TrimSpace(rest)
	return ok && (len(rest) == 0 || rest[0] == '{')
}

// Info implements Source.
func (s *fileSource) Info() Info {
	var size int64
	rows := int64(0)
	for _, f := range s.files {
		size += f.size()
		if n := f.rows(); rows >= 0 && n >= 0 {
			rows += n
		} else {
			rows = -1
		}
	}
	label := s.files[0].name()
	if len(s.files) > 1 {
		label = countFiles(len(s.files)) + " in " + s.where()
	}
	label = fmt.Sprintf("%s (%s, %s)", label, s.kind, byteSize(size))
	if s.hub != nil {
		label = s.hub.String()
	}
	return Info{
		Dataset:   s.spec.Dataset,
		Kind:      s.from(),
		Label:     label,
		Format:    s.kind,
		Rows:      rows,
		HasFields: hasFields(s.kind),
	}
}

// from is the kind of the source.
func (s *fileSource) from() string {
	switch {
	case s.hub != nil:
		return kindHub
	case s.web:
		return kindWeb
	}
	return kindFiles
}

// where returns the file of the source, or the folder of its files.
func (s *fileSource) where() string {
	switch {
	case len(s.files) == 1:
		return s.files[0].name()
	case s.web:
		return "the web, from " + s.files[0].name() + " on"
	}
	paths := make([]string, len(s.files))
	for i, f := range s.files {
		paths[i] = f.name()
	}
	return commonFolder(paths)
}

// Describe implements Describer: the name of the file that is read at p.
func (s *fileSource) Describe(p Position) string {
	if p.File < 0 || p.File >= len(s.files) {
		return fmt.Sprintf("row %d", p.Row)
	}
	return filepath.Base(s.files[p.File].name())
}

// Fingerprint implements Source.
func (s *fileSource) Fingerprint(ctx context.Context) (Fingerprint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.print != nil {
		return *s.print, nil
	}
	h := hasher{cache: s.opt.Cache, now: s.opt.Now, hashedWhole: s.hashing}
	var done, total int64
	for i, f := range s.files {
		h.like = s.recorded(i)
		total += f.toHash(&h)
	}
	h.progress = func(bytes int64) {
		if done += bytes; s.opt.Progress != nil {
			s.opt.Progress(done, total)
		}
	}
	print := Fingerprint{Kind: s.from(), Data: s.spec.Data, Format: s.kind, Hub: s.hub}
	if hasFields(s.kind) {
		print.TextField = s.spec.TextField
	}
	for i, f := range s.files {
		h.like = s.recorded(i)
		info, err := f.fingerprint(ctx, &h)
		if err != nil {
			return Fingerprint{}, err
		}
		print.Files = append(print.Files, info)
		print.Sampled = print.Sampled || info.Sampled
	}
	print.Digest = digestFiles(print.Files)
	s.print = &print
	return print, nil
}

// recorded is the file of Spec.Was that a local file may be, or a copy of.
func (s *fileSource) recorded(i int) FileInfo {
	if was := s.spec.Was; was != nil && s.from() == kindFiles && i < len(was.Files) {
		return was.Files[i]
	}
	return FileInfo{}
}
