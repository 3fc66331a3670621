package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// OpenURL makes a file at any http or https address ready to be read. One
// request tells its size and its ETag, and every later answer has to state the
// same: a server without ETags can only be seen to change a file's size. The
// file's Path is the address without its query.
func (c *Client) OpenURL(ctx context.Context, address string) (*RemoteFile, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &NameError{c.scrub(address), "is not an http or https address"}
	}
	if u.User != nil {
		return nil, &NameError{bare(u), "has a user or password before its host, which would be shown: leave them out"}
	}
	u.Fragment = ""
	f := &RemoteFile{client: c, file: File{Path: bare(u)}, resolve: u, location: newLocation()}
	if c.opt.Offline {
		return nil, &OfflineError{Path: f.file.Path}
	}
	r := retrier{client: c, what: u.Path}
	for {
		if err = f.identify(ctx); err == nil {
			return f, nil
		}
		if err = r.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// ETag returns the tag of a file opened by OpenURL, if its server states one
// that stands for its exact bytes.
func (f *RemoteFile) ETag() string {
	if strings.HasPrefix(f.etag, "W/") {
		return ""
	}
	return f.etag
}

// identify asks for the first byte, to be told of the whole.
func (f *RemoteFile) identify(ctx context.Context) error {
	resp, _, err := f.request(ctx, 0, 1)
	if err != nil {
		return err
	}
	size := resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable: // the latter if it is empty
		_, total, ok := contentRange(resp.Header)
		if !ok {
			total = -1
		}
		size = total
	default:
		return f.client.statusError(resp, target{path: f.file.Path})
	}
	f.etag = resp.Header.Get("ETag")
	resp.Body.Close()
	if size < 0 {
		return &answerError{f.file.Path, "its server does not tell its size"}
	}
	f.file.Size = size
	return nil
}
