package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"ckptledger/stream/hub"
)

const kindWeb = "web"

// isAddress reports whether data names a file of the web rather than a local one.
func isAddress(data string) bool {
	scheme, _, ok := strings.Cut(data, "://")
	return ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// openWeb opens files of the web, in the order in which they are given. Of each
// address the query is used, but neither kept nor shown: it may be a signature.
func openWeb(ctx context.Context, spec Spec, opt Options) (Source, error) {
	if opt.Hub == nil {
		return nil, errors.New("no client to read the web with")
	}
	client, err := opt.Hub()
	if err != nil {
		return nil, err
	}
	var files []*file
	var names []string
	kind := ""
	for i, address := range spec.Data {
		if !isAddress(address) {
			return nil, &FormatError{Path: address, Reason: "local files and files of the web cannot be one source; download the others first"}
		}
		r, err := client.OpenURL(ctx, address)
		if err != nil {
			return nil, err
		}
		p := &webPlace{r}
		k, err := p.recognise(ctx)
		if err != nil {
			return nil, err
		}
		if i > 0 && k != kind {
			return nil, &FormatError{Path: p.name(), Reason: fmt.Sprintf("is %s, and %s is %s; name files of one format", k, names[0], kind)}
		}
		kind = k
		files, names = append(files, &file{place: p}), append(names, p.name())
	}
	spec.Data = names
	s, err := newFileSource(ctx, spec, opt, kind, files)
	if err != nil {
		return nil, err
	}
	s.web = true
	return s, nil
}

// webPlace is a file of the web as a place.
type webPlace struct{ remote *hub.RemoteFile }

func (p *webPlace) name() string { return p.remote.File().Path }
func (p *webPlace) size() int64  { return p.remote.Size() }
func (p *webPlace) near() bool   { return false }

// open hands out the one RemoteFile there is: it knows where the file was found.
func (p *webPlace) open(context.Context) (blob, error) { return &remoteBlob{p.remote}, nil }

// toHash counts what is read where no tag stands for the exact bytes.
func (p *webPlace) toHash(h *hasher) int64 {
	if p.remote.ETag() != "" {
		return 0
	}
	return h.bytes(p.size())
}

// fingerprint goes by the server's tag, if it states one that stands for the
// exact bytes. Else it is of blocks spread over the file, as for local files of
// which not all can be read.
func (p *webPlace) fingerprint(ctx context.Context, h *hasher) (FileInfo, error) {
	info := FileInfo{Path: p.name(), Size: p.size(), ETag: p.remote.ETag()}
	if info.ETag != "" {
		return info, nil
	}
	var err error
	r := p.remote.ReaderAt(ctx)
	if info.Sampled = h.samples(info.Size); info.Sampled {
		info.SHA256, err = h.sample(ctx, r, info.Size)
	} else {
		info.SHA256, err = h.whole(ctx, r, info.Size)
	}
	if err != nil {
		return info, fmt.Errorf("hash %s: %w", p.name(), remoteError(err))
	}
	return info, nil
}

// recognise returns the file's format: by its name, else by how it starts.
func (p *webPlace) recognise(ctx context.Context) (string, error) {
	name := p.name()
	if u, err := url.Parse(name); err == nil {
		name = path.Base(u.Path)
	}
	if foreign[extension(name)] {
		return "", &FormatError{Path: p.name(), Reason: reasonForeign}
	}
	if kind := hubKind(name); kind != "" {
		return kind, nil
	}
	head, err := readHead(p.name(), bufio.NewReaderSize(io.NewSectionReader(p.remote.ReaderAt(ctx), 0, p.size()), webHead))
	if err != nil {
		return "", remoteError(err)
	}
	return sniff(p.name(), head)
}

// webHead is how many bytes of a file are read at once to see how it starts: as a
// rule that of one that is compressed too.
const webHead = 64 << 10
