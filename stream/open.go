package stream

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"ckptledger/stream/hub"
)

// A Spec names a dataset and what is wanted of its rows.
type Spec struct {
	Dataset   string   // the dataset's key: one of the catalogue's, hf:owner/name[:config[/split]], or with Data any name
	Revision  string   // branch, tag or commit of a dataset on the hub; empty is main
	Data      []string // files, folders and globs to read instead, absolute or relative to the working directory, or https and http addresses
	TextField string   // the column that holds the text; empty means what TextField says. Plain text and the sample have none
	Columns   []string // other columns wanted in Row.Columns: JSONL and Parquet only

	// Was is what a run has seen. A dataset on the hub is then opened at that
	// commit and with just those files, unless Revision names another than was
	// asked for then; files that are not what they were are a *ChangedError.
	Was *Fingerprint
	// From is the first file of Was that is still to be read: where the commit
	// has vanished, or one before it, the files before From may have changed.
	From int
}

// Options are how to open a source. The zero Options are good.
type Options struct {
	Cache    FileCache               // remembers the hashes of files; nil: every Source hashes them anew
	Progress func(done, total int64) // called while Fingerprint reads, in bytes; nil: not at all
	Seek     func(done, total int64) // called within Source.Open while it comes to its row: bytes of text passed over, in all, or -1 where the row is found by counting; nil: not at all
	Now      func() time.Time        // the clock that tells files too fresh to be cached; nil: time.Now

	// Hub makes the client of the hub and of the web. It is called where one is
	// needed; nil: nothing is read from there.
	Hub func() (*hub.Client, error)
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
// Errors to expect: *UnknownDatasetError, *UnavailableError, *KeyError, an error
// that wraps fs.ErrNotExist, ErrNoData, *FormatError, *ColumnError, ErrNoColumns,
// *ChangedError where the files are not those of Spec.Was, and the errors of
// package hub.
func Open(ctx context.Context, spec Spec, opt Options) (Source, error) {
	if spec.TextField == "" {
		spec.TextField = TextField(spec.Dataset)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	switch {
	case len(spec.Data) > 0 && slices.ContainsFunc(spec.Data, isAddress):
		return openWeb(ctx, spec, opt)
	case len(spec.Data) > 0:
		return openFiles(ctx, spec, opt)
	case strings.HasPrefix(spec.Dataset, hubPrefix):
		name, err := parseHubName(spec.Dataset)
		if err != nil {
			return nil, err
		}
		name.revision = cmp.Or(spec.Revision, name.revision)
		return openHub(ctx, spec, opt, name, nil)
	}
	d, ok := Lookup(spec.Dataset)
	switch {
	case !ok:
		return nil, &UnknownDatasetError{Dataset: spec.Dataset, Known: datasetKeys()}
	case d.Status != StatusOK:
		return nil, &UnavailableError{d}
	case d.Repo != "":
		return openHub(ctx, spec, opt, hubName{d.Repo, spec.Revision, d.Config, d.Split}, d.Files)
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
