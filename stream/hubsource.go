package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"ckptledger/stream/hub"
)

const kindHub = "hub"

// maxListed is how many files are listed again when a source is opened as it was
// recorded: more take too many requests. The commit's name proves them as well,
// as long as the hub has the commit, and each is compared when it is opened.
const maxListed = 2000

// A HubRef says what of the hub a source is.
type HubRef struct {
	Endpoint string   `json:"endpoint"` // that it was read from; any other may serve the same
	Repo     string   `json:"repo"`
	Config   string   `json:"config,omitempty"`
	Split    string   `json:"split"`
	Revision string   `json:"revision,omitempty"` // as it was asked for; empty is main
	Commit   string   `json:"commit"`             // that it was then: 40 hex digits
	Gone     []string `json:"gone,omitempty"`     // commits that it was read at before, which the hub has no more
}

func (r HubRef) String() string {
	words := []string{r.Repo}
	if r.Config != "" {
		words = append(words, r.Config)
	}
	return strings.Join(append(words, r.Split), " ") + fmt.Sprintf(" at %.7s", r.Commit)
}

// Named is the revision as it was asked for, and the commit that it was.
func (r HubRef) Named() string {
	return fmt.Sprintf("%s, commit %.12s", cmp.Or(r.Revision, mainBranch), r.Commit)
}

const mainBranch = "main"

// is reports whether who asks for a revision now, or for none, means the one that
// was asked for then.
func (r HubRef) is(revision string) bool {
	return revision == "" || revision == cmp.Or(r.Revision, mainBranch)
}

// A hubOpener opens a dataset on the hub.
type hubOpener struct {
	spec   Spec
	opt    Options
	client *hub.Client
	ref    HubRef
}

// openHub opens a dataset of the catalogue, or one that is named hf:.
func openHub(ctx context.Context, spec Spec, opt Options, name hubName, patterns []string) (Source, error) {
	if opt.Hub == nil {
		return nil, errors.New("no hub to read from")
	}
	client, err := opt.Hub()
	if err != nil {
		return nil, err
	}
	o := &hubOpener{spec, opt, client, HubRef{
		Endpoint: client.Endpoint(), Repo: name.repo, Config: name.config, Split: cmp.Or(name.split, trainSplit), Revision: name.revision,
	}}
	if was := spec.Was; was != nil && was.Hub != nil && was.Hub.Repo == name.repo && was.Hub.is(name.revision) {
		return o.reopen(ctx, *was)
	}
	return o.open(ctx, name, patterns)
}

// open pins the revision and finds its files.
func (o *hubOpener) open(ctx context.Context, name hubName, patterns []string) (Source, error) {
	p := part{config: name.config, split: o.ref.Split, patterns: patterns}
	var err error
	if patterns != nil {
		o.ref.Commit, err = o.client.Pin(ctx, name.repo, name.revision)
	} else {
		p, err = o.pinCard(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	o.ref.Config, o.ref.Split = p.config, p.split
	listed, err := o.client.Files(ctx, name.repo, o.ref.Commit, p.dir())
	if err != nil {
		return nil, err
	}
	files, kind, err := p.choose(listed)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", o.ref, err)
	}
	if o.client.Offline() {
		if err := o.complete(p, files); err != nil {
			return nil, err
		}
	}
	return o.source(ctx, files, kind)
}

// complete returns an error for a file that the dataset has and the cache, which
// may hold a part of it, does not: rows must not be left out unnoticed.
func (o *hubOpener) complete(p part, files []hub.File) error {
	missing := p.missingShards(files)
	for _, f := range files {
		if f.Size < 0 {
			missing = append(missing, f.Path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	f, err := o.client.Open(o.ref.Repo, o.ref.Commit, hub.File{Path: missing[0], Size: -1})
	if err == nil {
		return f.Close()
	}
	return err
}

// pinCard pins the revision of a dataset of which no more is known than its name,
// and reads in its card which files it means. Offline there is no card.
func (o *hubOpener) pinCard(ctx context.Context, name hubName) (part, error) {
	info, err := o.client.Info(ctx, name.repo, name.revision)
	var offline *hub.OfflineError
	if errors.As(err, &offline) {
		info.Commit, err = o.client.Pin(ctx, name.repo, name.revision)
	}
	if err != nil {
		return part{}, err
	}
	o.ref.Commit = info.Commit
	return choosePart(name, info.Card)
}

func (o *hubOpener) source(ctx context.Context, listed []hub.File, kind string) (Source, error) {
	files := make([]*file, len(listed))
	for i, f := range listed {
		p, err := newHubPlace(o.client, o.ref.Repo, o.ref.Commit, f)
		if err != nil {
			return nil, err
		}
		files[i] = &file{place: p}
	}
	s, err := newFileSource(ctx, o.spec, o.opt, kind, files)
	if err != nil {
		return nil, err
	}
	s.hub = &o.ref
	return s, nil
}

// reopen opens what a run has seen, at the commit it saw. If that has vanished
// (the history of a dataset can be rewritten), the revision as it is now will do
// where each file that is still to be read is the same.
func (o *hubOpener) reopen(ctx context.Context, was Fingerprint) (Source, error) {
	o.ref.Config, o.ref.Split, o.ref.Revision = was.Hub.Config, was.Hub.Split, was.Hub.Revision
	o.ref.Commit, o.ref.Gone = was.Hub.Commit, was.Hub.Gone
	files := make([]hub.File, len(was.Files))
	for i, f := range was.Files {
		files[i] = hub.File{Path: f.Path, Size: f.Size, OID: cmp.Or(f.GitOID, f.SHA256), LFS: f.GitOID == ""}
		if f.Sampled { // of a cache that did not tell its hash, which this is none
			files[i].OID, files[i].LFS = "", false
		}
	}
	from := 0
	if len(o.ref.Gone) > 0 {
		from = o.spec.From // the commit that the run went over to may have others before
	}
	err := o.compare(ctx, files, from)
	var missing *hub.NotFoundError
	if errors.As(err, &missing) && missing.What == hub.Revision {
		err = o.rebase(ctx, files)
	}
	if err != nil {
		return nil, err
	}
	return o.source(ctx, files, was.Format)
}

// rebase goes over to the commit that the revision is now.
func (o *hubOpener) rebase(ctx context.Context, files []hub.File) error {
	commit, err := o.client.Pin(ctx, o.ref.Repo, o.ref.Revision)
	var missing *hub.NotFoundError
	if errors.As(err, &missing) && missing.What == hub.Revision && o.ref.Revision != "" {
		commit, err = o.client.Pin(ctx, o.ref.Repo, "") // the branch or tag is gone too
	}
	if err != nil {
		return err
	}
	o.ref.Gone = append(slices.Clone(o.ref.Gone), o.ref.Commit)
	o.ref.Commit = commit
	return o.compare(ctx, files, o.spec.From)
}

// compare looks whether the commit has the files from one on.
func (o *hubOpener) compare(ctx context.Context, files []hub.File, from int) error {
	switch {
	case o.client.Offline():
		return nil // the cache holds no listing that could be relied on
	case len(files) > maxListed && len(o.ref.Gone) == 0:
		return remoteError(o.client.HasCommit(ctx, o.ref.Repo, o.ref.Commit))
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	dir := ""
	if len(paths) > 0 {
		dir = commonDir(paths)
	}
	listed, err := o.client.Files(ctx, o.ref.Repo, o.ref.Commit, dir)
	var missing *hub.NotFoundError
	if err != nil && !(errors.As(err, &missing) && missing.What == hub.Entry) {
		return err
	}
	now := make(map[string]hub.File, len(listed))
	for _, f := range listed {
		now[f.Path] = f
	}
	var changes []Change
	for _, f := range files[min(max(from, 0), len(files)):] {
		is, ok := now[f.Path]
		switch {
		case !ok:
			changes = append(changes, Change{Path: f.Path, What: Removed, Was: describeHubFile(f)})
		case is.Size != f.Size || is.OID != f.OID && len(is.OID) == len(f.OID):
			changes = append(changes, Change{Path: f.Path, What: whatChanged(f.Size, is.Size), Was: describeHubFile(f), Now: describeHubFile(is)})
		}
	}
	if changes == nil {
		return nil
	}
	if n := len(o.ref.Gone); n > 0 {
		changes = append(changes, Change{What: Rewritten, Was: o.ref.Gone[n-1], Now: o.ref.Commit})
	}
	return &ChangedError{Changes: changes}
}

func describeHubFile(f hub.File) string { return fmt.Sprintf("%d bytes, %.12s", f.Size, f.OID) }

// commonDir is the deepest folder of the repo that holds all paths.
func commonDir(paths []string) string {
	dir := path.Dir(paths[0])
	for _, p := range paths {
		for dir != "." && !strings.HasPrefix(p, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	if dir == "." {
		return ""
	}
	return dir
}
