package stream

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"

	"ckptledger/stream/hub"
)

// readAhead is how many bytes are read ahead of what is asked for, of each
// column or file that lies far away.
const readAhead = 8 << 20

// hubPlace is a file of a commit on the hub as a place. Where the Hugging Face
// cache holds it, it is read from there.
type hubPlace struct {
	client *hub.Client
	repo   string
	commit string
	file   hub.File
	local  *localFile // in the cache; nil: it is not
}

func newHubPlace(client *hub.Client, repo, commit string, f hub.File) (*hubPlace, error) {
	p := &hubPlace{client: client, repo: repo, commit: commit, file: f}
	r, err := client.Open(repo, commit, f)
	var offline *hub.OfflineError
	if errors.As(err, &offline) {
		return p, nil // said when the file's turn comes
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Local() == "" {
		return p, nil
	}
	files, err := statFiles(context.Background(), []string{r.Local()})
	if err != nil {
		return nil, err
	}
	p.local, _ = files[0].place.(*localFile)
	return p, nil
}

func (p *hubPlace) name() string { return p.repo + "/" + p.file.Path }
func (p *hubPlace) size() int64  { return p.file.Size }
func (p *hubPlace) near() bool   { return p.local != nil }

func (p *hubPlace) open(ctx context.Context) (blob, error) {
	if p.local != nil {
		return p.local.open(ctx)
	}
	f, err := p.client.Open(p.repo, p.commit, p.file)
	if err != nil {
		return nil, err
	}
	return &remoteBlob{f}, nil
}

// toHash counts a cached file alone: of others the hub says what is in them.
func (p *hubPlace) toHash(h *hasher) int64 {
	if p.local == nil {
		return 0
	}
	return p.local.toHash(h)
}

// fingerprint says what the hub says. A cached file is read, as any local one:
// its name alone proves nothing.
func (p *hubPlace) fingerprint(ctx context.Context, h *hasher) (FileInfo, error) {
	info := FileInfo{Path: p.file.Path, Size: p.file.Size}
	if p.file.LFS {
		info.SHA256 = p.file.OID
	} else {
		info.GitOID = p.file.OID
	}
	if p.local == nil {
		return info, nil
	}
	is, err := p.local.fingerprint(ctx, h)
	switch {
	case err != nil:
		return info, err
	case p.file.OID == "":
		is.Path = info.Path
		return is, nil
	case is.Sampled:
		return info, nil // too large to be read, and known by its size alone
	case p.file.LFS && is.SHA256 == info.SHA256:
		return info, nil
	case !p.file.LFS:
		oid, err := gitOID(p.local.path)
		if err != nil {
			return info, err
		}
		if oid == info.GitOID {
			return info, nil
		}
		is.SHA256, is.GitOID = "", oid
	}
	return info, &ChangedError{Changes: []Change{{Path: p.local.path, What: Damaged, Was: info.String(), Now: is.String()}}}
}

// gitOID returns the name that git has for the content of a file, which is small.
func gitOID(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("hash data: %w", err)
	}
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:]), nil
}

// remoteBlob is an open file of the hub or of the web. Every answer is compared
// with what the file was, so there is nothing more to check.
type remoteBlob struct{ file *hub.RemoteFile }

func (b *remoteBlob) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := b.file.ReadAt(ctx, p, off)
	return n, remoteError(err)
}

func (b *remoteBlob) sequence(_ context.Context, off, end int64) (sequence, error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &remoteSequence{cancel: cancel, stream: b.file.Stream(ctx, off, end-off, readAhead)}, nil
}

func (b *remoteBlob) check(context.Context) error { return nil }
func (b *remoteBlob) Close() error                { return b.file.Close() }

// remoteSequence reads ahead with a context of its own, as it outlives the call
// that it was opened by.
type remoteSequence struct {
	cancel context.CancelFunc
	stream *hub.Stream
}

func (s *remoteSequence) read(ctx context.Context, p []byte) (int, error) {
	stop := context.AfterFunc(ctx, s.cancel)
	n, err := s.stream.Read(p)
	if !stop() && err != nil {
		return n, ctx.Err()
	}
	return n, remoteError(err)
}

func (s *remoteSequence) Close() error {
	s.cancel()
	return s.stream.Close()
}

// remoteError makes a *ChangedError of the hub's own.
func remoteError(err error) error {
	var changed *hub.ChangedError
	if !errors.As(err, &changed) {
		return err
	}
	return &ChangedError{Changes: []Change{{
		Path: path.Join(changed.Repo, changed.Path),
		What: Replaced,
		Was:  changed.What + " " + changed.Want,
		Now:  changed.What + " " + changed.Got,
	}}}
}
