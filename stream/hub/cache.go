package hub

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The cache on disk, one folder a dataset, is laid out by huggingface_hub:
//
//	datasets--owner--name/
//	  refs/main                  the commit that main was last
//	  trees/COMMIT.json          all files of a commit, where it was listed
//	  snapshots/COMMIT/PATH      a link to ../../blobs/OID, or the file itself
//	  blobs/OID                  the content

// cached returns where a dataset's folder of the cache has something.
func (c *Client) cached(repo string, elem ...string) string {
	folder := "datasets--" + strings.ReplaceAll(repo, "/", "--")
	return filepath.Join(append([]string{c.opt.CacheDir, folder}, elem...)...)
}

// Cached returns where the cache on disk holds a file of a commit, and whether it
// does: as Open would take it, of the size and under the hash that it should
// have. Its bytes were not looked at.
func (c *Client) Cached(repo, commit string, f File) (path string, ok bool) {
	r := c.cachedFile(repo, commit, f)
	if r == nil {
		return "", false
	}
	r.Close()
	return r.Name(), true
}

// CachedRevision returns the commit that the cache on disk has a revision for,
// as Pin does offline; an empty revision is main. A commit is itself, whether or
// not the cache has files of it.
func (c *Client) CachedRevision(repo, revision string) (commit string, ok bool) {
	revision = cmp.Or(revision, "main")
	switch {
	case c.opt.CacheDir == "" || checkRepo(repo) != nil:
		return "", false
	case isCommit(revision):
		return revision, true
	case !filepath.IsLocal(filepath.FromSlash(revision)):
		return "", false
	}
	ref, err := os.ReadFile(c.cached(repo, "refs", filepath.FromSlash(revision)))
	commit = strings.TrimSpace(string(ref))
	return commit, err == nil && isCommit(commit)
}

// CachedFiles returns the files of a commit within a folder that the cache on
// disk knows of, as Files does offline: all, where it holds the listing of the
// commit, else those it holds. There may be none. Where no more is known of a
// file than that the commit has it, its Size is -1.
func (c *Client) CachedFiles(repo, commit, dir string) []File {
	if c.opt.CacheDir == "" || checkRepo(repo) != nil || !isCommit(commit) {
		return nil
	}
	files := c.cachedTree(repo, commit)
	if files == nil {
		files = c.cachedSnapshot(repo, commit)
	}
	dir = cleanDir(dir)
	files = slices.DeleteFunc(files, func(f File) bool {
		return dir != "" && f.Path != dir && !strings.HasPrefix(f.Path, dir+"/")
	})
	sortFiles(files)
	return files
}

// cachedFile opens a file of a commit if the cache holds it, of the size and
// under the hash that it should have. Otherwise it returns nil: a cache is
// nothing to rely on.
func (c *Client) cachedFile(repo, commit string, f File) *os.File {
	if c.opt.CacheDir == "" || checkRepo(repo) != nil {
		return nil
	}
	if isOID(f.OID) {
		if r := openSized(c.cached(repo, "blobs", f.OID), f.Size); r != nil {
			return r
		}
	}
	if !isCommit(commit) || !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return nil
	}
	name := c.cached(repo, "snapshots", commit, filepath.FromSlash(f.Path))
	if target, err := os.Readlink(name); err == nil && f.OID != "" && filepath.Base(target) != f.OID {
		return nil
	}
	return openSized(name, f.Size)
}

// openSized opens a regular file of that size, or returns nil.
func openSized(name string, size int64) *os.File {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != size {
		f.Close()
		return nil
	}
	return f
}

// cachedTree returns all files of a commit, nil if the cache has no listing that
// can be read.
func (c *Client) cachedTree(repo, commit string) []File {
	data, err := os.ReadFile(c.cached(repo, "trees", commit+".json"))
	if err != nil {
		return nil
	}
	var tree struct {
		Version int `json:"format_version"`
		Files   map[string]struct {
			Size   int64  `json:"size"`
			BlobID string `json:"blob_id"`
			SHA256 string `json:"lfs_sha256"`
			LFS    int64  `json:"lfs_size"`
		} `json:"files"`
	}
	if json.Unmarshal(data, &tree) != nil || tree.Version != 1 {
		return nil
	}
	var files []File
	for name, e := range tree.Files {
		f := File{Path: name, Size: e.Size, OID: e.BlobID}
		if e.SHA256 != "" {
			f = File{Path: name, Size: e.LFS, OID: e.SHA256, LFS: true}
		}
		files = append(files, f)
	}
	return files
}

// cachedSnapshot returns the files of a commit that were downloaded. One that is
// no link has no hash. Of one whose content was removed the link is left: that
// the commit has it must not be forgotten.
func (c *Client) cachedSnapshot(repo, commit string) []File {
	root := c.cached(repo, "snapshots", commit)
	var files []File
	filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is as good as not there
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return nil
		}
		f := File{Path: filepath.ToSlash(rel), Size: -1}
		if target, err := os.Readlink(name); err == nil && isOID(filepath.Base(target)) {
			f.OID = filepath.Base(target)
			f.LFS = len(f.OID) == 64
		}
		switch info, err := os.Stat(name); {
		case err == nil && info.Mode().IsRegular():
			f.Size = info.Size()
		case err == nil || f.OID == "":
			return nil
		}
		files = append(files, f)
		return nil
	})
	return files
}

// isOID reports whether s is a SHA-1 or SHA-256 in hex.
func isOID(s string) bool { return isHash(s, 40) || isHash(s, 64) }
