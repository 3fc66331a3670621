package hub

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// ErrNoRanges is returned by reads far into a file from a server that answers
// each with the whole file.
var ErrNoRanges = errors.New("the server does not serve parts of files, and starting over for each read would take for ever; use another HF_ENDPOINT, or download the files")

// What a NotFoundError did not find.
const (
	Dataset  = "dataset"
	Revision = "revision"
	Entry    = "file or folder"
)

// NameError says that no dataset can be called so, or that no file of the web can
// be read at such an address.
type NameError struct {
	Name   string // without what may be secret
	Reason string // what is wrong, and how to write it
}

func (e *NameError) Error() string { return e.Name + " " + e.Reason }

// NotFoundError says that the hub knows of no such thing. For a dataset that is
// also its answer to those who may not see it.
type NotFoundError struct {
	What     string // Dataset, Revision or Entry
	Repo     string // empty for a file of the web
	Revision string // as it was asked for
	Path     string // of an Entry
	HadToken bool   // whether a token was sent
	Request  string // the hub's id of the request, if it told one
}

func (e *NotFoundError) Error() string {
	switch e.What {
	case Revision:
		return fmt.Sprintf("dataset %s has no revision %q; its owner may have removed it, or rewritten the history%s", e.Repo, e.Revision, requestID(e.Request))
	case Entry:
		if e.Repo == "" {
			return fmt.Sprintf("there is no %s%s", e.Path, requestID(e.Request))
		}
		return fmt.Sprintf("dataset %s has no %q at revision %s%s", e.Repo, e.Path, e.Revision, requestID(e.Request))
	}
	hint := "check its name, or set HF_TOKEN if it is private"
	if e.HadToken {
		hint = "check its name, or use a token that may see it if it is private"
	}
	return fmt.Sprintf("there is no dataset %s on the hub, or it is private: %s%s", e.Repo, hint, requestID(e.Request))
}

// GatedError says that the dataset's owner wants its terms accepted first.
type GatedError struct {
	Repo     string
	Page     string // where that is done
	HadToken bool   // whether a token was sent
	Request  string // the hub's id of the request, if it told one
}

func (e *GatedError) Error() string {
	hint := "then set HF_TOKEN to a token of that account"
	if e.HadToken {
		hint = "with the account of the token in use"
	}
	return fmt.Sprintf("dataset %s is gated: accept its terms at %s, %s%s", e.Repo, e.Page, hint, requestID(e.Request))
}

// UnauthorizedError says that the hub refused the token, or wants one.
type UnauthorizedError struct {
	Repo     string
	HadToken bool
	Message  string // the hub's own, if it told one
	Request  string // the hub's id of the request, if it told one
}

func (e *UnauthorizedError) Error() string {
	s := fmt.Sprintf("the hub does not let dataset %s be read without a token: set HF_TOKEN", e.Repo)
	if e.HadToken {
		s = fmt.Sprintf("the hub refuses the token for dataset %s: renew HF_TOKEN or the token file, or allow the token to read it", e.Repo)
	}
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	return s + requestID(e.Request)
}

// OfflineError says that the cache lacks what only the hub could tell.
type OfflineError struct {
	Repo     string // empty for a file of the web
	Revision string
	Path     string // empty for the revision as a whole
	CacheDir string
}

func (e *OfflineError) Error() string {
	what := fmt.Sprintf("revision %s of dataset %s", e.Revision, e.Repo)
	if e.Repo == "" {
		return fmt.Sprintf("offline: cannot read %s; unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE, or download it first", e.Path)
	}
	if e.Path != "" {
		what = e.Path + " of " + what
	}
	where := "no Hugging Face cache is set (HF_HUB_CACHE)"
	if e.CacheDir != "" {
		where = "it is not in the cache " + e.CacheDir
	}
	return fmt.Sprintf("offline: cannot read %s: %s; unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE, or download it first", what, where)
}

// notCached is the error for what the cache lacks, offline.
func (c *Client) notCached(repo, revision, path string) error {
	return &OfflineError{Repo: repo, Revision: revision, Path: path, CacheDir: c.opt.CacheDir}
}

// ChangedError says that a file is not the one that was listed or opened.
type ChangedError struct {
	Repo string // empty for a file of the web
	Path string
	What string // "size", "hash", "commit" or "tag"
	Want string
	Got  string
}

func (e *ChangedError) Error() string {
	of := ""
	if e.Repo != "" {
		of = " of dataset " + e.Repo
	}
	return fmt.Sprintf("the data changed: %s%s now has %s %s, not %s", e.Path, of, e.What, cmp.Or(e.Got, "none"), cmp.Or(e.Want, "none"))
}

// UnreachableError says that there was no answer, or none to its end.
type UnreachableError struct {
	Endpoint string // scheme and host of who did not answer
	Hub      bool   // whether that is the hub, or a host the hub sent us to
	Err      error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach %s: %v; check the network, name a mirror with HF_ENDPOINT, read local files with --data, "+
		"use what is in the Hugging Face cache with HF_HUB_OFFLINE=1, or train on the built-in dataset sample", e.Endpoint, e.Err)
}

// Unwrap returns the network's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// StatusError is any other answer that is not the one hoped for.
type StatusError struct {
	URL     string // without its query
	Status  int
	Code    string // the hub's X-Error-Code
	Message string // the hub's X-Error-Message
	Request string // the hub's id of the request
	Wait    time.Duration
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s answered %d %s", e.URL, e.Status, http.StatusText(e.Status))
	if m := strings.TrimSpace(e.Code + " " + e.Message); m != "" {
		s += ": " + m
	}
	if e.Wait > 0 {
		s += fmt.Sprintf(" (asks to wait %s)", e.Wait)
	}
	return s + requestID(e.Request)
}

// answerError is an answer that cannot be understood, as from a server that is
// no hub.
type answerError struct{ url, reason string }

func (e *answerError) Error() string {
	return fmt.Sprintf("%s: %s; is HF_ENDPOINT the address of a hub?", e.url, e.reason)
}

func requestID(id string) string {
	if id == "" {
		return ""
	}
	return " [request " + id + "]"
}

// secrets matches what may be secret of an address within a text: the query, and
// the password of a proxy.
var secrets = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*|://[^\s"'<>/@]*@`)

// scrub takes what is secret, or may be, out of a text of unknown origin.
func (c *Client) scrub(s string) string {
	s = secrets.ReplaceAllStringFunc(s, func(secret string) string {
		if secret[0] == '?' {
			return "?…"
		}
		return "://…@"
	})
	if c.opt.Token != "" {
		s = strings.ReplaceAll(s, c.opt.Token, "…")
	}
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// scrubbed is an error of the network without its secrets.
type scrubbed struct {
	text string
	err  error
}

func (e *scrubbed) Error() string        { return e.text }
func (e *scrubbed) Is(target error) bool { return errors.Is(e.err, target) }
func (e *scrubbed) As(target any) bool   { return errors.As(e.err, target) }
