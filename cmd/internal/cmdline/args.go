package cmdline

import (
	"strings"

	"ckptledger/cmd/internal/human"

	"github.com/urfave/cli/v2"
)

// Args returns the command's arguments after it has checked their number
// against the command's ArgsUsage, where DATASET stands for one argument,
// [SNAPSHOT] for one that may be missing, and RUN... for one or more. A -- in
// ArgsUsage is for the reader. The error answers with a line to copy: the first
// of the command's examples.
func Args(c *cli.Context) ([]string, error) {
	args := c.Args().Slice()
	var names []string
	least, most := 0, 0
	for name := range strings.FieldsSeq(c.Command.ArgsUsage) {
		if name == "--" {
			continue
		}
		names = append(names, strings.Trim(name, "[].")) // its plain name
		optional, repeated := strings.HasPrefix(name, "["), strings.Contains(name, "...")
		if !optional {
			least++
		}
		if repeated || most < 0 {
			most = -1
		} else {
			most++
		}
	}
	example, _, _ := strings.Cut(c.Command.UsageText, "\n")
	switch {
	case len(args) < least:
		return nil, &UsageError{Message: "missing " + names[len(args)], Try: example}
	case most >= 0 && len(args) > most:
		return nil, &UsageError{Message: "unexpected argument " + human.Quote(args[most]), Try: example}
	}
	return args, nil
}
