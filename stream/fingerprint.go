package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
)

// A Fingerprint says what a source's content was. It is meant to be kept as
// JSON and compared, in another process, with the one of then.
type Fingerprint struct {
	Kind      string     `json:"kind"`                 // as in Info.Kind
	Digest    string     `json:"digest"`               // lower-case hex: equal if and only if the content is
	Data      []string   `json:"data,omitempty"`       // Spec.Data as absolute patterns
	Format    string     `json:"format"`               // as in Info.Format
	TextField string     `json:"text_field,omitempty"` // where rows have fields
	Sampled   bool       `json:"sampled,omitempty"`    // whether a file is
	Files     []FileInfo `json:"files,omitempty"`      // in the order in which they are read
	Hub       *HubRef    `json:"hub,omitempty"`        // of a dataset on the hub
}

// FileInfo is one file of a Fingerprint. One of SHA256, GitOID and ETag says what
// is in it.
type FileInfo struct {
	Path    string `json:"path"`              // absolute; on the hub within the repo; on the web the address without its query
	Size    int64  `json:"size"`              // bytes
	SHA256  string `json:"sha256,omitempty"`  // of the content, lower-case hex
	GitOID  string `json:"git_oid,omitempty"` // of the content of a small file on the hub: git's SHA-1 of the blob
	ETag    string `json:"etag,omitempty"`    // of a file of the web whose server has one that stands for the exact bytes
	Sampled bool   `json:"sampled,omitempty"` // SHA256 is of the size and of blocks spread over the file, which is over 1 GiB
}

// What may have happened to a file.
const (
	Added     = "added"
	Removed   = "removed"
	Shortened = "shortened" // smaller than it was; whether what is left is the same is not known
	Extended  = "extended"  // larger than it was; whether it starts the same is not known
	Replaced  = "replaced"  // other content of the same size, or other data altogether
	Rewritten = "rewritten" // the history of a dataset on the hub: the commit is gone
	Damaged   = "damaged"   // a file of the Hugging Face cache is not what its name says; removed, it is read from the hub
	Reordered = "reordered" // the same content at another place in the sequence
)

// A Change is one difference between two fingerprints.
type Change struct {
	Path string `json:"path,omitempty"` // the file; empty for the whole source
	What string `json:"what"`           // Added, Removed, …
	Was  string `json:"was,omitempty"`  // the file, or its place, in words
	Now  string `json:"now,omitempty"`
}

func (c Change) String() string {
	s := c.What
	if c.Path != "" {
		s = c.Path + " " + c.What
	}
	switch {
	case c.Was != "" && c.Now != "":
		s += fmt.Sprintf(" (was %s, now %s)", c.Was, c.Now)
	case c.Was != "":
		s += fmt.Sprintf(" (was %s)", c.Was)
	case c.Now != "":
		s += fmt.Sprintf(" (%s)", c.Now)
	}
	return s
}

// Diff says how now differs from f in content. It is empty where Digest is
// equal: renaming files, or moving the folder, changes nothing that is read.
func (f Fingerprint) Diff(now Fingerprint) []Change {
	switch {
	case f.Digest == now.Digest && f.Kind == now.Kind:
		return nil
	case len(f.Files) == 0 || len(now.Files) == 0:
		return []Change{{What: Replaced, Was: f.String(), Now: now.String()}}
	}
	pairs := pairFiles(f.Files, now.Files)
	var changes []Change
	for i, was := range f.Files {
		j, ok := pairs[i]
		if !ok {
			changes = append(changes, Change{Path: was.Path, What: Removed, Was: was.String()})
			continue
		}
		if is := now.Files[j]; is.content() != was.content() {
			changes = append(changes, Change{
				Path: is.Path,
				What: whatChanged(was.Size, is.Size),
				Was:  was.String(),
				Now:  is.String(),
			})
		}
	}
	paired := make(map[int]bool, len(pairs))
	for _, j := range pairs {
		paired[j] = true
	}
	for j, is := range now.Files {
		if !paired[j] {
			changes = append(changes, Change{Path: is.Path, What: Added, Now: is.String()})
		}
	}
	if len(changes) > 0 {
		return changes
	}
	for i, was := range f.Files {
		if j := pairs[i]; j != i {
			changes = append(changes, Change{
				Path: now.Files[j].Path,
				What: Reordered,
				Was:  fmt.Sprintf("%s, file %d", was.Path, i+1),
				Now:  fmt.Sprintf("file %d", j+1),
			})
		}
	}
	return changes
}

// pairFiles says which file of now each file of was became: the one of the
// same content, then of those left the one of the same path, then of the same
// name, as in a folder that was moved.
func pairFiles(was, now []FileInfo) map[int]int {
	pairs := make(map[int]int, len(was))
	pair := func(key func(FileInfo) string) {
		left := make(map[string][]int)
		taken := make(map[int]bool, len(pairs))
		for _, j := range pairs {
			taken[j] = true
		}
		for j, f := range now {
			if !taken[j] {
				left[key(f)] = append(left[key(f)], j)
			}
		}
		for i, f := range was {
			if _, ok := pairs[i]; ok {
				continue
			}
			if js := left[key(f)]; len(js) > 0 {
				pairs[i], left[key(f)] = js[0], js[1:]
			}
		}
	}
	pair(func(f FileInfo) string { return f.Path + "\x00" + f.content() })
	pair(FileInfo.content)
	pair(func(f FileInfo) string { return f.Path })
	pair(func(f FileInfo) string { return filepath.Base(f.Path) })
	return pairs
}

// content names what is in the file.
func (f FileInfo) content() string {
	return fmt.Sprintf("%d %s%s%s %t", f.Size, f.SHA256, f.GitOID, f.ETag, f.Sampled)
}

func (f FileInfo) String() string { return fmt.Sprintf("%d bytes, %s", f.Size, f.Hash()) }

// Hash says in a few words what the content is known by.
func (f FileInfo) Hash() string {
	switch {
	case f.GitOID != "":
		return fmt.Sprintf("git blob %.12s", f.GitOID)
	case f.ETag != "":
		return "tag " + f.ETag
	}
	return fmt.Sprintf("sha256 %.12s", f.SHA256)
}

func (f Fingerprint) String() string {
	if len(f.Files) > 0 {
		return fmt.Sprintf("%s of %s, digest %.12s", countFiles(len(f.Files)), f.Format, f.Digest)
	}
	return fmt.Sprintf("%s, digest %.12s", f.Kind, f.Digest)
}

// whatChanged names the change of a file by its size alone.
func whatChanged(was, now int64) string {
	switch {
	case now < was:
		return Shortened
	case now > was:
		return Extended
	}
	return Replaced
}

// digestFiles returns the digest of files: their content and order, not their
// names.
func digestFiles(files []FileInfo) string {
	hash := sha256.New()
	for _, f := range files {
		io.WriteString(hash, f.content()+"\n")
	}
	return hex.EncodeToString(hash.Sum(nil))
}
