package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/stream"
	"ckptledger/stream/hub"
)

// This file opens the data that a run has read, and proves that it is that.

// openSource opens the data where it lies now, in the run's order.
func (r *resumption) openSource(ctx context.Context) (*source, error) {
	was, err := recorded(r.entry.Source)
	if err != nil {
		return nil, records.Explain(r.c, err)
	}
	spec := stream.Spec{Dataset: r.dataset, Revision: r.want.revision, Data: r.want.data, TextField: textField(r.config), From: r.from()}
	if spec.Data == nil && spec.Revision == "" { // which asks for the hub
		spec.Data = was.Data
	}
	again := slices.Contains(r.accept, "data") // as it is now
	switch {
	case !again:
		spec.Was = &was
	case spec.Revision == "" && was.Hub != nil:
		spec.Revision = was.Hub.Revision
	}
	src, err := openSource(ctx, r.notices, r.cache(ctx), spec)
	var missing *hub.NotFoundError
	if again && r.want.revision == "" && errors.As(err, &missing) && missing.What == hub.Revision {
		spec.Revision = ""
		src, err = openSource(ctx, r.notices, r.cache(ctx), spec)
	}
	var changed *stream.ChangedError
	switch {
	case errors.As(err, &changed):
		return nil, r.dataChanged(changed.Changes, nil)
	case err != nil && (r.want.data != nil || r.want.revision != "" || unreachable(&was, err)):
		return nil, err
	case err != nil:
		return nil, r.dataGone(err)
	}
	if err := checkTextField(src, r.want.given); err != nil {
		return nil, err
	}
	if h := src.print.Hub; h != nil && was.Hub != nil && len(h.Gone) > len(was.Hub.Gone) {
		src.notices.say(fmt.Sprintf("note: commit %.12s of %s is gone from the hub; what is still to be read of it is the same in commit %.12s",
			was.Hub.Commit, h.Repo, h.Commit))
	}
	src.Source = arrange(src.Source, r.config, r.epochs())
	return src, nil
}

// cache remembers the hashes of files; explaining changes nothing of the ledger.
func (r *resumption) cache(ctx context.Context) stream.FileCache {
	if r.c.Bool("explain") {
		return readOnly{r.ledger.FileCache(ctx)}
	}
	return r.ledger.FileCache(ctx)
}

// readOnly is a cache for those who only look.
type readOnly struct{ stream.FileCache }

func (readOnly) Put(string, []byte) {}

// prove opens the reader at the snapshot's position, where the last row consumed
// is compared with the one recorded.
func (r *resumption) prove(ctx context.Context, src *source) (stream.Cursor, stream.Reader, error) {
	cursor := r.cursor
	was, err := recorded(r.entry.Source)
	if err != nil {
		return cursor, nil, records.Explain(r.c, err)
	}
	changes := was.Diff(src.print)
	if r.want.revision != "" {
		changes = append(changes, otherRevision(was.Hub, src.print.Hub)...)
	}
	differs := src.record.Digest != r.snap.Source
	switch {
	case differs || len(changes) > 0:
		if !slices.Contains(r.accept, "data") {
			return cursor, nil, r.dataChanged(changes, nil)
		}
		r.accepted = append(r.accepted, "data")
		if !differs {
			break // another commit of the same files
		}
		cursor, reader, err := r.openOther(ctx, src, cursor.Next.Row)
		if err != nil {
			return cursor, nil, r.dataChanged(nil, err)
		}
		return cursor, reader, nil
	case slices.Contains(r.accepted, "text_field"):
		cursor = cursor.WithoutProof() // the hash is of the other column
	}
	r.sayCost(src, cursor)
	reader, err := src.Open(ctx, cursor)
	var proof *stream.ProofError
	var changed *stream.ChangedError
	switch {
	case err == nil:
		return cursor, reader, nil
	case errors.As(err, &proof):
		return cursor, nil, r.dataChanged(nil, err)
	case errors.As(err, &changed):
		return cursor, nil, r.dataChanged(changed.Changes, err)
	}
	return cursor, nil, fmt.Errorf("open data at row %d: %w", cursor.Next.Row, err)
}

// otherRevision compares the commits that a run has read, and that it would read
// at the revision that is asked for.
func otherRevision(was, now *stream.HubRef) []stream.Change {
	if was == nil || now == nil || was.Commit == now.Commit || slices.Contains(now.Gone, was.Commit) {
		return nil
	}
	return []stream.Change{{What: "another revision", Was: was.Named(), Now: now.Named()}}
}

// from is the first file that is still to be read: the first of all where more
// passes are to come, or rows that lie anywhere are tried again.
func (r *resumption) from() int {
	first := r.cursor.Next
	if r.cursor.Last != nil {
		first = r.cursor.Last.At
	}
	if r.epochs()-first.Pass > 1 || len(r.retry) > 0 {
		return 0
	}
	return first.File
}

// sayCost says, before it is paid and once, what it takes to come to the cursor.
func (r *resumption) sayCost(src *source, cursor stream.Cursor) {
	if words := costWords(src.Info().Format, src.cost(cursor)); words != "" && !r.costSaid && !r.c.Bool("explain") {
		fmt.Fprintf(r.c.App.ErrWriter, "To find row %s, %s\n", human.Count(cursor.Next.Row), words)
		r.costSaid = true
	}
}

// openOther opens other data than the run has read at a row. The row before it is
// what a later resume compares.
func (r *resumption) openOther(ctx context.Context, src *source, row int64) (stream.Cursor, stream.Reader, error) {
	if row == 0 {
		reader, err := src.Open(ctx, stream.Cursor{})
		return stream.Cursor{}, reader, err
	}
	reader, err := src.Open(ctx, stream.Cursor{Next: stream.Position{Row: row - 1}, OnlyRow: true})
	if err != nil {
		return stream.Cursor{}, nil, err
	}
	before, err := reader.Next(ctx)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("it ends before row %s", human.Count(row))
	}
	if err != nil {
		reader.Close()
		return stream.Cursor{}, nil, err
	}
	return stream.After(before), reader, nil
}
