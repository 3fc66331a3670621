package hub

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
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

// cachedFile opens a file of a commit if the cache holds it, of the size and
// under the hash that it should have. Otherwise it returns nil: a cache is
// nothing to rely on.
func (c *Client) cachedFile(repo, commit string, f File) *os.File {
	if c.opt.CacheDir == "" {
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

// cachedCommit returns the commit that the cache has a revision for.
func (c *Client) cachedCommit(repo, revision string) (string, error) {
	missing := &OfflineError{Repo: repo, Revision: revision, CacheDir: c.opt.CacheDir}
	switch {
	case c.opt.CacheDir == "":
		return "", missing
	case isCommit(revision):
		return revision, nil
	case !filepath.IsLocal(filepath.FromSlash(revision)):
		return "", missing
	}
	ref, err := os.ReadFile(c.cached(repo, "refs", filepath.FromSlash(revision)))
	if commit := strings.TrimSpace(string(ref)); err == nil && isCommit(commit) {
		return commit, nil
	}
	return "", missing
}

// cachedFiles returns the files of a commit within a folder that the cache
// knows of: all, where it holds the listing, else those downloaded.
func (c *Client) cachedFiles(repo, commit, dir string) ([]File, error) {
	missing := &OfflineError{Repo: repo, Revision: commit, Path: dir, CacheDir: c.opt.CacheDir}
	if c.opt.CacheDir == "" || !isCommit(commit) {
		return nil, missing
	}
	files := c.cachedTree(repo, commit)
	if files == nil {
		files = c.cachedSnapshot(repo, commit)
	}
	var within []File
	for _, f := range files {
		if dir == "" || f.Path == dir || strings.HasPrefix(f.Path, dir+"/") {
			within = append(within, f)
		}
	}
	if within == nil {
		return nil, missing
	}
	return within, nil
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
// no link has no hash.
func (c *Client) cachedSnapshot(repo, commit string) []File {
	root := c.cached(repo, "snapshots", commit)
	var files []File
	filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is as good as not there
		}
		info, err := os.Stat(name)
		rel, relErr := filepath.Rel(root, name)
		if err != nil || relErr != nil || !info.Mode().IsRegular() {
			return nil
		}
		f := File{Path: filepath.ToSlash(rel), Size: info.Size()}
		if target, err := os.Readlink(name); err == nil && isOID(filepath.Base(target)) {
			f.OID = filepath.Base(target)
			f.LFS = len(f.OID) == 64
		}
		files = append(files, f)
		return nil
	})
	return files
}

// isOID reports whether s is a SHA-1 or SHA-256 in hex.
func isOID(s string) bool { return isHash(s, 40) || isHash(s, 64) }
