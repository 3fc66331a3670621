package main

import (
	"cmp"
	"fmt"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

func datasetsCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:  "datasets",
		Usage: "list the catalogue",
		Description: `Lists the datasets that need no --data, and how much of each the Hugging Face
cache on this machine holds (HF_HOME, HF_HUB_CACHE): what it holds is read from
there. Any other dataset of the hub is hf:owner/name, at another branch, tag or
commit hf:owner/name@revision, and of several configs hf:owner/name:config/split.
Any other name can be given to files.`,
		Flags:  []cli.Flag{records.JSONFlag()},
		Action: datasetsAction,
	}, `trainer datasets
trainer datasets --json`)
}

func datasetsAction(c *cli.Context) error {
	if _, err := cmdline.Args(c); err != nil {
		return err
	}
	client, err := hubClient(&notices{w: c.App.ErrWriter})()
	if err != nil {
		return err
	}
	var list []datasetJSON
	for _, d := range stream.Datasets() {
		has, err := stream.Cached(client, d)
		if err != nil {
			return fmt.Errorf("look for %s in the cache: %w", d.Key, err)
		}
		list = append(list, datasetJSON{
			Dataset: d.Key, Repo: d.Repo, Config: d.Config, Split: d.Split, Files: append([]string{}, d.Files...), Format: d.Format,
			TextField: d.TextField, Rows: d.Rows, Description: d.Description, Status: string(d.Status), Reason: d.Reason,
			Cached: cachedJSON{has.Files, has.Of, has.Bytes},
		})
	}
	if c.Bool("json") {
		return cmdline.WriteJSON(c.App.Writer, list)
	}
	t := term.NewTable(term.Column{Name: "DATASET"}, term.Column{Name: "ROWS", Align: term.Right}, term.Column{Name: "FORMAT"},
		term.Column{Name: "STATUS"}, term.Column{Name: "CACHED"}, term.Column{Name: "FROM"}, term.Column{Name: "DESCRIPTION"})
	var reasons []string
	for _, d := range list {
		rows := "?"
		if d.Rows >= 0 {
			rows = human.Count(d.Rows)
		}
		t.Row(d.Dataset, rows, d.Format, d.Status, d.Cached.String(), cmp.Or(d.Repo, "built in"), d.Description)
		if d.Reason != "" {
			reasons = append(reasons, fmt.Sprintf("%s is %s: %s", d.Dataset, d.Status, d.Reason))
		}
	}
	if err := t.Render(c.App.Writer); err != nil {
		return err
	}
	for _, r := range reasons {
		fmt.Fprintln(c.App.Writer, r)
	}
	return nil
}

// datasetJSON is one dataset, for scripts.
type datasetJSON struct {
	Dataset     string     `json:"dataset"`
	Repo        string     `json:"repo"`
	Config      string     `json:"config"`
	Split       string     `json:"split"`
	Files       []string   `json:"files"`
	Format      string     `json:"format"`
	TextField   string     `json:"text_field"`
	Rows        int64      `json:"rows"` // as its makers count them; -1 where nobody says
	Description string     `json:"description"`
	Status      string     `json:"status"`
	Reason      string     `json:"reason"`
	Cached      cachedJSON `json:"cached"`
}

type cachedJSON struct {
	Files int   `json:"files"`
	Of    int   `json:"of"`
	Bytes int64 `json:"bytes"`
}

func (c cachedJSON) String() string {
	switch c.Files {
	case 0:
		return "-"
	case c.Of:
		return "all, " + human.Bytes(c.Bytes)
	}
	return fmt.Sprintf("%d of %d, %s", c.Files, c.Of, human.Bytes(c.Bytes))
}
