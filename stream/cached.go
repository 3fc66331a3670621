package stream

import (
	"context"
	"errors"

	"ckptledger/stream/hub"
)

// A Holding is how much of a dataset the Hugging Face cache on disk has.
type Holding struct {
	Files int   // of the dataset's files, those that are there
	Of    int   // all that the cache knows of
	Bytes int64 // of those that are there
}

// Cached says what the cache has of a dataset of the catalogue. The client has to
// be offline.
func Cached(ctx context.Context, client *hub.Client, d Dataset) (h Holding, err error) {
	if len(d.Files) == 0 {
		return h, nil
	}
	defer func() {
		var missing *hub.OfflineError
		if errors.As(err, &missing) {
			h, err = Holding{}, nil
		}
	}()
	commit, err := client.Pin(ctx, d.Repo, "")
	if err != nil {
		return h, err
	}
	p := part{split: d.Split, patterns: d.Files}
	listed, err := client.Files(ctx, d.Repo, commit, p.dir())
	if err != nil {
		return h, err
	}
	files, err := p.matching(listed)
	for _, f := range files {
		h.Of++
		if r, err := client.Open(d.Repo, commit, f); err == nil {
			h.Files++
			h.Bytes += f.Size
			r.Close()
		}
	}
	return h, err
}
