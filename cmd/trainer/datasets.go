package main

import (
	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

func datasetsCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:        "datasets",
		Usage:       "list the catalogue",
		Description: `Lists the datasets that need no --data. Any other name can be given to files.`,
		Flags:       []cli.Flag{records.JSONFlag()},
		Action:      datasetsAction,
	}, `trainer datasets
trainer datasets --json`)
}

func datasetsAction(c *cli.Context) error {
	if _, err := cmdline.Args(c); err != nil {
		return err
	}
	list := stream.Datasets()
	if c.Bool("json") {
		return cmdline.WriteJSON(c.App.Writer, list)
	}
	t := term.NewTable(term.Column{Name: "DATASET"}, term.Column{Name: "ROWS", Align: term.Right}, term.Column{Name: "STATUS"}, term.Column{Name: "DESCRIPTION"})
	for _, d := range list {
		t.Row(d.Key, human.Count(d.Rows), d.Status, d.Description)
	}
	return t.Render(c.App.Writer)
}
