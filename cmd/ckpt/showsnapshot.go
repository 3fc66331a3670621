package main

import (
	"context"
	"fmt"
	"strconv"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

// showSnapshot shows one snapshot alone.
func (p program) showSnapshot(ctx context.Context, c *cli.Context, l *ledger.Ledger, e ledger.Entry, ref ledger.Ref) error {
	s, err := p.snapshot(ctx, c, l, e, ref)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		out := records.SnapshotOf(&s)
		out.Objects = append([]ledger.Object{}, s.Objects...)
		return cmdline.WriteJSON(c.App.Writer, out)
	}
	w := c.App.Writer
	f := &facts{w: w}
	newest := ""
	if s.Seq == e.Head.Seq {
		newest = ", the newest"
	}
	f.add("Snapshot", fmt.Sprintf("%d of run %s%s", s.Seq, e.ID, newest))
	f.add("Name", e.Name)
	f.add("Dataset", s.Dataset)
	f.add("Kind", string(s.Kind))
	f.add("Taken", when(p.now(), s.Time))
	f.add("Attempt", strconv.FormatUint(s.Attempt, 10))
	f.add("Samples", progress(s.Counters, 0))
	f.add("Rows", rows(s.Counters))
	f.add("Position", brief(string(s.Position)))
	f.add("Trained for", human.Duration(seconds(s.Elapsed)))
	f.add("Model", s.ModelDigest)
	f.add("Config", human.ShortHash(s.ConfigHash))
	f.add("Source", human.ShortHash(s.Source))
	f.add("Hash", s.Hash)
	f.add("After", s.Prev)
	f.add("State", fmt.Sprintf("%s in %s", human.Bytes(s.StateBytes()), counted(len(s.Objects), "object")))
	f.flush()

	if len(s.Objects) > 0 {
		fmt.Fprintln(w)
		t := term.NewTable(term.Column{Name: "OBJECT"}, term.Column{Name: "CONTENT", Align: term.Right}, term.Column{Name: "FILE", Align: term.Right}, term.Column{Name: "SHA256"})
		for _, o := range s.Objects {
			t.Row(o.Name, human.Bytes(o.Size), human.Bytes(o.Bytes), human.ShortHash(o.SHA256))
		}
		if err := t.Render(w); err != nil {
			return err
		}
	}
	if err := showMetrics(w, s.Metrics); err != nil {
		return err
	}
	words := []string{"trainer", "resume", e.Dataset, "--run", string(e.ID), "--snapshot", strconv.FormatUint(s.Seq, 10)}
	if s.Seq != e.Head.Seq && !records.Remote(e.Config) {
		fmt.Fprintf(w, "\nTo go on from it, as a new run:   %s\n", records.Command(c, words...))
	}
	return nil
}

// brief cuts what is too long to look at: a position in a compressed file holds
// up to 45 KB of its decoder's state. With --json all of it is shown.
func brief(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%s)", s[:most], human.Bytes(int64(len(s))))
}
