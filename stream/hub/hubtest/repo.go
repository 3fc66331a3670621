package hubtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A File is the content of one file of a commit.
type File struct {
	Data    []byte      // all of it, or
	Content io.ReaderAt // where it comes from, with
	Size    int64
	SHA256  string // lower-case hex; computed if empty
	Large   bool   // kept outside git (LFS), as everything over 10 MB is
}

// Small and Large return files of git itself and of LFS.
func Small(data string) File { return File{Data: []byte(data)} }

// Large returns a file that lies outside git.
func Large(data []byte) File { return File{Data: data, Large: true} }

// A Repo is a dataset on a Hub. Its fields may be set before it is used.
type Repo struct {
	Name    string
	Gated   bool   // files need the token; the API does not
	Private bool   // everything needs the token
	Card    string // the header of its README as JSON, shown by the API

	hub     *Hub
	commits []commit // oldest first; main is the last
	tags    map[string]string
	made    int
}

type commit struct {
	sha   string
	files map[string]blob
}

type blob struct {
	File
	oid string // git's, of the pointer if large
}

// Repo makes a dataset without a commit.
func (h *Hub) Repo(name string) *Repo {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &Repo{Name: name, hub: h, tags: make(map[string]string)}
	h.repos[name] = r
	return r
}

// Commit makes a commit of exactly these files, which main is from now on, and
// returns its name.
func (r *Repo) Commit(files map[string]File) string {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	c := commit{files: make(map[string]blob)}
	for path, f := range files {
		c.files[path] = newBlob(f)
	}
	r.made++
	c.sha = hexSHA1([]byte(fmt.Sprintf("commit %d of %s", r.made, r.Name)))
	r.commits = append(r.commits, c)
	return c.sha
}

// Tag names a commit.
func (r *Repo) Tag(name, commit string) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.tags[name] = commit
}

// Squash replaces the history by one commit of the same files, as the owner of a
// dataset may, and returns its name: the old commits are gone.
func (r *Repo) Squash() string {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	c := commit{files: r.commits[len(r.commits)-1].files}
	r.made++
	c.sha = hexSHA1([]byte(fmt.Sprintf("squash %d of %s", r.made, r.Name)))
	r.commits = []commit{c}
	clear(r.tags)
	return c.sha
}

// Swap replaces a file of all commits that have it, as no hub should.
func (r *Repo) Swap(path string, f File) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for _, c := range r.commits {
		if _, ok := c.files[path]; ok {
			c.files[path] = newBlob(f)
		}
	}
}

// Rename gives the dataset another name. Requests for the old one are redirected.
func (r *Repo) Rename(name string) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.repos, r.Name)
	h.repos[name], h.renamed[r.Name] = r, name
	r.Name = name
}

// find returns the commit of a revision: a name of it, main or a tag.
func (r *Repo) find(revision string) *commit {
	if sha, ok := r.tags[revision]; ok {
		revision = sha
	}
	for i := range r.commits {
		if r.commits[i].sha == revision || revision == "main" && i == len(r.commits)-1 {
			return &r.commits[i]
		}
	}
	return nil
}

func newBlob(f File) blob {
	if f.Content == nil {
		f.Content, f.Size = strings.NewReader(string(f.Data)), int64(len(f.Data))
	}
	b := blob{File: f}
	b.Large = f.Large || f.Size > 10<<20
	if b.SHA256 == "" {
		hash := sha256.New()
		io.Copy(hash, io.NewSectionReader(f.Content, 0, f.Size))
		b.SHA256 = hex.EncodeToString(hash.Sum(nil))
	}
	stored := f.Data
	if b.Large {
		stored = b.pointer()
	}
	b.oid = hexSHA1(append(fmt.Appendf(nil, "blob %d\x00", len(stored)), stored...))
	return b
}

// pointer is what git itself keeps of a large file.
func (b blob) pointer() []byte {
	return fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", b.SHA256, b.Size)
}

// entry is the file in the API's words.
func (b blob) entry(path string) map[string]any {
	e := map[string]any{"type": "file", "path": path, "oid": b.oid, "size": b.Size}
	if b.Large {
		e["lfs"] = map[string]any{"oid": b.SHA256, "size": b.Size, "pointerSize": len(b.pointer())}
	}
	return e
}

// etag is what the hub calls the content.
func (b blob) etag() string {
	if b.Large {
		return b.SHA256
	}
	return b.oid
}

func hexSHA1(data []byte) string {
	sum := sha1.Sum(data)
	return hex.EncodeToString(sum[:])
}

// sortedPaths returns the paths of a commit's files.
func (c *commit) sortedPaths() []string {
	var paths []string
	for path := range c.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
