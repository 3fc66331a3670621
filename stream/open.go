package stream

import (
	"context"
	"time"
)

// A Spec names a dataset and what is wanted of its rows.
type Spec struct {
	Dataset   string   // the dataset's key: one of the catalogue's, or with Data any name
	Data      []string // files, folders and globs to read instead, absolute or relative to the working directory
	TextField string   // the column that holds the text; empty means "text". Plain text and the sample have none
	Columns   []string // other columns wanted in Row.Columns: JSONL and Parquet only
}

// Options are how to open a source. The zero Options are good.
type Options struct {
	Cache    FileCache               // remembers the hashes of files; nil: every Source hashes them anew
	Progress func(done, total int64) // called while Fingerprint reads, in bytes; nil: not at all
	Seek     func(done, total int64) // called within Source.Open while it comes to its row: bytes of text passed over, in all, or -1 where the row is found by counting; nil: not at all
	Now      func() time.Time        // the clock that tells files too fresh to be cached; nil: time.Now
}

// A FileCache remembers facts about files under keys that name a file as it
// was: path, size, times and inode. What it loses is found again, so it need
// not be durable. It may be called from several goroutines.
type FileCache interface {
	Get(key string) (value []byte, ok bool)
	Put(key string, value []byte)
}

// defaultTextField is what Spec.TextField means when it is empty.
const defaultTextField = "text"

// Open finds the source that spec names and checks that it can be read: that
// the files exist, have one recognised format and are not empty, that Parquet
// footers are whole, and that the columns are there. It does not hash.
//
// Errors to expect: *UnknownDatasetError, an error that wraps fs.ErrNotExist,
// ErrNoData, *FormatError, *ColumnError, ErrNoColumns.
func Open(ctx context.Context, spec Spec, opt Options) (Source, error) {
	if spec.TextField == "" {
		spec.TextField = defaultTextField
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	switch {
	case len(spec.Data) > 0:
		return openFiles(ctx, spec, opt)
	case spec.Dataset != sampleKey:
		return nil, &UnknownDatasetError{Dataset: spec.Dataset, Known: datasetKeys()}
	case len(spec.Columns) > 0:
		return nil, ErrNoColumns
	}
	return sampleSource{rows: sampleRows}, nil
}

// A Describer is a Source that can say in words where a position is, such as
// the name of the file that is read there. All sources of this package are.
type Describer interface {
	Describe(p Position) string
}
