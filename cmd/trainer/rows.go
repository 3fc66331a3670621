package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

func rowsCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "rows",
		Usage:     "print the stream as JSON lines, from any row",
		ArgsUsage: "DATASET|RUN",
		Description: `Prints a JSON object a line for each sample: its raw row and its text. For a
run, its data is read in the order and as often as the run reads it, and checked
to be the data it saw. With --raw the rows that are no samples are printed too,
with the reason.

With --shard I/N only every N-th row is printed, those whose number leaves the
remainder I, so that each of N processes reads its own: 0/8 to 7/8.`,
		Flags: append([]cli.Flag{
			&cli.Int64Flag{Name: "from", Usage: "start at raw row `ROW`, counted from 0"},
			&cli.Int64Flag{Name: "count", DefaultText: "at the end", Usage: "stop after `N` printed rows"},
			&cli.StringFlag{Name: "columns", Usage: "print the columns `A,B` too, of JSONL and Parquet"},
			&cli.StringFlag{Name: "shard", Usage: "only the rows of shard `I/N`, I from 0 to N-1"},
			&cli.BoolFlag{Name: "raw", Usage: "print filtered and errored rows too"},
			&cli.StringSliceFlag{Name: "data", Usage: "read DATASET from this `PATH|GLOB|URL`"},
			&cli.StringFlag{Name: "text-field", Usage: "the column `NAME` that holds the text, of JSONL and Parquet (default: text, or what the catalogue says)"},
			&cli.BoolFlag{Name: "json", Usage: "accepted: the output is JSON lines anyway", Hidden: true},
			epochsFlag(),
		}, orderFlags()...),
		Action: func(c *cli.Context) error { return rowsAction(c.Context, c) },
	}, `trainer rows sample --from 30612 --count 3
trainer rows wikitext --data wikitext.jsonl --shard 3/8
trainer rows sample --from 30610 --count 5 --raw
trainer rows sample --order shuffle --seed 7 --count 5`, cmdline.Ambiguous, cmdline.DataChanged, cmdline.Damaged, cmdline.NewerFormat)
}

// rowJSON is one printed row. Text is what JSON can hold: bytes that are no
// UTF-8 become U+FFFD there, and text_base64 has them as they are.
type rowJSON struct {
	Row     int64                      `json:"row"`
	Kind    string                     `json:"kind,omitempty"` // with --raw
	Reason  string                     `json:"reason,omitempty"`
	Text    *string                    `json:"text"`
	Base64  []byte                     `json:"text_base64,omitempty"`
	Columns map[string]json.RawMessage `json:"columns,omitempty"`
}

func rowsAction(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	if c.IsSet("shard") && c.String("shard") == "" {
		return cmdline.Usagef("--shard needs a value, as 3/8")
	}
	shard, of, err := parseShard(c.String("shard"))
	if err != nil {
		return err
	}
	from, count := c.Int64("from"), c.Int64("count")
	if from < 0 {
		return cmdline.Usagef("--from %d: rows are counted from 0", from)
	}
	if c.IsSet("count") && count < 1 {
		return cmdline.Usagef("--count %d: at least 1", count)
	}
	src, err := rowsSource(ctx, c, args[0])
	if err != nil {
		return err
	}
	reader, err := src.Open(ctx, stream.Cursor{Next: stream.Position{Row: from}, OnlyRow: true})
	var proof *stream.ProofError
	if errors.As(err, &proof) {
		return cmdline.Usagef("--from %d: %s has fewer rows", from, human.Quote(args[0]))
	}
	if err != nil {
		return err
	}
	defer reader.Close()

	out := bufio.NewWriterSize(c.App.Writer, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for printed := int64(0); count == 0 || printed < count; {
		row, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(out.Flush(), err)
		}
		if row.At.Row%of != shard || row.Kind != stream.Sample && !c.Bool("raw") {
			continue
		}
		if err := enc.Encode(rowOf(row, c.Bool("raw"))); err != nil {
			return fmt.Errorf("write row: %w", err)
		}
		printed++
		if gone(c.App.Writer) {
			return nil // head has what it wanted
		}
	}
	return out.Flush()
}

func rowOf(row *stream.Row, raw bool) rowJSON {
	out := rowJSON{Row: row.At.Row, Reason: row.Reason, Columns: row.Columns}
	if raw {
		out.Kind = row.Kind.String()
	}
	if row.Text != nil {
		text := strings.ToValidUTF8(string(row.Text), "\uFFFD")
		out.Text = &text
		if len(text) != len(row.Text) || text != string(row.Text) {
			out.Base64 = slices.Clone(row.Text)
		}
	}
	return out
}

func parseShard(text string) (shard, of int64, err error) {
	if text == "" {
		return 0, 1, nil
	}
	a, b, ok := strings.Cut(text, "/")
	shard, errA := strconv.ParseInt(a, 10, 64)
	of, errB := strconv.ParseInt(b, 10, 64)
	if !ok || errA != nil || errB != nil || of < 1 || shard < 0 || shard >= of {
		return 0, 0, cmdline.Usagef("--shard %s: write I/N with I from 0 to N-1, as 3/8", human.Quote(text))
	}
	return shard, of, nil
}

// rowsSource opens the source of a dataset, or that of a run, which must still be
// what the run saw.
func rowsSource(ctx context.Context, c *cli.Context, name string) (stream.Source, error) {
	order, err := givenOrder(c)
	if err != nil {
		return nil, err
	}
	epochs, err := parseEpochs(c)
	if err != nil {
		return nil, err
	}
	spec := stream.Spec{Data: c.StringSlice("data"), TextField: c.String("text-field")}
	if spec.Dataset, spec.Revision, err = stream.ParseDataset(name); err != nil {
		if !strings.HasSuffix(name, "@latest") {
			return nil, sourceError(err)
		}
		spec.Dataset, spec.Revision = name, "" // a run of that dataset
	}
	if err := checkRevision(spec.Revision, spec.Data); err != nil {
		return nil, err
	}
	if c.IsSet("columns") {
		for _, col := range strings.Split(c.String("columns"), ",") {
			if col = strings.TrimSpace(col); col == "" {
				return nil, cmdline.Usagef("--columns %s: a name is empty", human.Quote(c.String("columns")))
			}
			spec.Columns = append(spec.Columns, col)
		}
	}
	open := func() (*source, error) {
		order, err := completeOrder(order)
		if err != nil {
			return nil, err
		}
		src, err := lookAt(ctx, &notices{w: c.App.ErrWriter}, spec)
		if err != nil {
			return nil, err
		}
		if c.IsSet("text-field") && !src.Info().HasFields {
			return nil, noTextField(src.Info().Format)
		}
		src.Source = arrange(src.Source, order, epochs)
		return src, nil
	}
	if len(spec.Data) > 0 || isDataset(spec.Dataset) {
		return open()
	}
	l, err := ledger.Open(records.Dir(c), ledger.Options{})
	if errors.Is(err, ledger.ErrNoLedger) {
		return open() // which says that the dataset is unknown
	}
	if err != nil {
		return nil, records.Explain(c, err)
	}
	e, err := runOrDataset(ctx, l, name)
	if errors.Is(err, ledger.ErrNotFound) {
		return open()
	}
	if err != nil {
		return nil, records.Explain(c, err)
	}
	was, err := recorded(e.Source)
	if err != nil {
		return nil, records.Explain(c, err)
	}
	spec.Dataset, spec.Data, spec.Was = e.Dataset, was.Data, &was
	if !c.IsSet("text-field") {
		spec.TextField = textField(e.Config)
	}
	if !has(order, "order") {
		order = orderOf(e.Config).With(order)
	}
	epochs = cmp.Or(epochs, e.Passes())
	src, err := open()
	if err != nil {
		return nil, err
	}
	if err := src.identify(ctx, readOnly{l.FileCache(ctx)}); err != nil {
		return nil, sourceError(err)
	}
	if src.print.Digest != e.Source.Digest {
		dataset := e.Dataset
		if was.Hub != nil {
			dataset = stream.AtRevision(dataset, was.Hub.Revision)
		}
		exit := &cmdline.ExitError{
			Code: cmdline.DataChanged, Err: fmt.Errorf("the data changed since run %s read it", e.ID.Short()),
			Hints: []cmdline.Hint{{To: "to read it as it is now", Command: records.Command(c,
				slices.Concat([]string{"trainer", "rows", dataset}, dataArgs(was.Data), orderArgs(order, epochs))...)}},
		}
		for _, change := range was.Diff(src.print) {
			exit.Details = append(exit.Details, change.String())
		}
		return nil, exit
	}
	return src, nil
}

func dataArgs(data []string) []string {
	var args []string
	for _, d := range data {
		args = append(args, "--data", d)
	}
	return args
}

// runOrDataset finds the run of that name, or the latest of the dataset.
func runOrDataset(ctx context.Context, l *ledger.Ledger, name string) (ledger.Entry, error) {
	known, err := l.HasDataset(ctx, name)
	if err != nil {
		return ledger.Entry{}, err
	}
	if known {
		return l.Find(ctx, ledger.Ref{Dataset: name, Samples: -1})
	}
	ref, err := ledger.ParseRef(name)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	if ref.Named() {
		return ledger.Entry{}, cmdline.Usagef("%s names a snapshot: to read on from there, name the run and give --from ROW", human.Quote(name))
	}
	return l.Find(ctx, ref)
}

// gone reports whether nobody reads what is written any more.
func gone(w io.Writer) bool {
	sink, ok := w.(*term.Sink)
	return ok && sink.Gone()
}
