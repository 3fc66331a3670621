package stream

import (
	"io"
	"path"
	"strings"

	"ckptledger/stream/unpack"
)

// The formats of files, as Info.Format and Fingerprint.Format name them.
const (
	formatText    = "text"
	formatJSONL   = "jsonl"
	formatParquet = "parquet"

	formatTextGzip  = "text.gz"
	formatTextZstd  = "text.zst"
	formatJSONLGzip = "jsonl.gz"
	formatJSONLZstd = "jsonl.zst"
)

// extensions says which format a file of a folder has; a folder's other files
// are not read.
var extensions = map[string]string{
	".txt": formatText, ".text": formatText, ".raw": formatText, ".tokens": formatText,
	".jsonl": formatJSONL, ".ndjson": formatJSONL,
	".parquet": formatParquet,
}

// A packing is a way in which files of lines are compressed: the extension that
// they have then, and what reads them. The empty packing is none.
type packing struct {
	ext  string
	open func(r io.Reader, from unpack.Point) (unpack.Reader, error)
}

var packings = []packing{{".gz", unpack.Gzip}, {".zst", unpack.Zstd}}

// foreign holds the extensions of files that are compressed in other ways.
var foreign = map[string]bool{".bz2": true, ".xz": true, ".zip": true}

// kindOf returns the format of a file by its name alone, empty where that says
// nothing.
func kindOf(name string) string {
	stem, p := splitPacking(strings.ToLower(name))
	kind := extensions[path.Ext(stem)]
	if kind == "" || kind == formatParquet && p.ext != "" {
		return "" // Parquet compresses its pages itself
	}
	return kind + p.ext
}

// splitPacking splits the extension of a packing off a lower-case name or kind.
func splitPacking(name string) (stem string, p packing) {
	for _, p := range packings {
		if stem, ok := strings.CutSuffix(name, p.ext); ok {
			return stem, p
		}
	}
	return name, packing{}
}

// hasFields reports whether rows of a kind have named columns.
func hasFields(kind string) bool {
	base, _ := splitPacking(kind)
	return base != formatText
}
