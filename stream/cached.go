package stream

import "ckptledger/stream/hub"

// A Holding is how much of a dataset the Hugging Face cache on disk has.
type Holding struct {
	Files int   // of the dataset's files, those that are there
	Of    int   // all that the cache knows of
	Bytes int64 // of those that are there
}

// Cached says what the client's cache has of a dataset of the catalogue. It asks
// nobody.
func Cached(client *hub.Client, d Dataset) (h Holding, err error) {
	commit, ok := client.CachedRevision(d.Repo, "")
	if !ok || len(d.Files) == 0 {
		return h, nil
	}
	p := part{split: d.Split, patterns: d.Files}
	files, err := p.matching(client.CachedFiles(d.Repo, commit, p.dir()))
	for _, f := range files {
		h.Of++
		if _, ok := client.Cached(d.Repo, commit, f); ok {
			h.Files++
			h.Bytes += f.Size
		}
	}
	return h, err
}
