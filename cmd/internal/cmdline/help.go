package cmdline

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// Document gives a command the parts of its help that cli has no place for:
// examples, complete commands one a line, the first of which also answers a
// call without its arguments; and the exit codes it may end with beside OK,
// Failed and Usage. The examples are kept as UsageText, for which there is no
// other use: the usage line is made from the name and ArgsUsage.
func Document(c *cli.Command, examples string, codes ...Code) *cli.Command {
	c.UsageText = strings.TrimSpace(examples)
	var b strings.Builder
	for _, code := range append([]Code{OK, Failed, Usage}, codes...) {
		fmt.Fprintf(&b, "\n   %-5d%s", int(code), code)
	}
	c.CustomHelpTemplate = commandHelp + "\n\nEXIT CODES:{{" + strconv.Quote(b.String()) + "}}\n"
	return c
}

// Group returns flags that help shows under a heading of their own. Those of no
// group come first.
func Group(heading string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.BoolFlag:
			f.Category = heading
		case *cli.StringFlag:
			f.Category = heading
		case *cli.StringSliceFlag:
			f.Category = heading
		case *cli.IntFlag:
			f.Category = heading
		case *cli.Int64Flag:
			f.Category = heading
		case *cli.Uint64Flag:
			f.Category = heading
		}
	}
	return flags
}

// group is what help shows under one heading.
type group struct {
	Heading string
	Flags   []cli.Flag
}

// groups returns flags by their headings, in the order in which these come first,
// but that FLAGS leads.
func groups(flags []cli.Flag) []group {
	list := []group{{Heading: "FLAGS"}}
	for _, f := range flags {
		heading := "FLAGS"
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != "" {
			heading = c.GetCategory()
		}
		i := slices.IndexFunc(list, func(g group) bool { return g.Heading == heading })
		if i < 0 {
			i, list = len(list), append(list, group{Heading: heading})
		}
		list[i].Flags = append(list[i].Flags, f)
	}
	return slices.DeleteFunc(list, func(g group) bool { return len(g.Flags) == 0 })
}

// The templates of help; all text keeps its own lines.
const (
	commandHelp = `USAGE:
   {{.HelpName}}{{if .VisibleCommands}} COMMAND{{end}}{{if .VisibleFlags}} [FLAGS]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}

   {{.Usage}}{{if .Description}}

DESCRIPTION:
   {{nindent3 .Description}}{{end}}{{if .UsageText}}

EXAMPLES:
   {{nindent3 .UsageText}}{{end}}{{if .VisibleCommands}}

COMMANDS:{{template "visibleCommandTemplate" .}}{{end}}{{range groups .VisibleFlags}}

{{.Heading}}:{{range .Flags}}
   {{.}}{{end}}{{end}}`

	appHelp = `USAGE:
   {{.HelpName}}{{if .VisibleFlags}} [FLAGS]{{end}} COMMAND [FLAGS] [ARGUMENTS]

   {{.Usage}}{{if .Description}}

DESCRIPTION:
   {{nindent3 .Description}}{{end}}{{if .UsageText}}

EXAMPLES:
   {{nindent3 .UsageText}}{{end}}

COMMANDS:{{template "visibleCommandCategoryTemplate" .}}{{if .VisibleFlags}}

FLAGS:{{range .VisibleFlags}}
   {{.}}{{end}}{{end}}

{{.HelpName}} COMMAND --help says more about one of them.
`
)

// writeHelp prints the help of a command, or of the program if it is nil.
func writeHelp(w io.Writer, app *cli.App, c *cli.Command) {
	var b bytes.Buffer
	more := map[string]any{
		"nindent3": func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n   ") },
		"groups":   groups,
	}
	if c == nil {
		cli.HelpPrinterCustom(&b, appHelp, app, more)
	} else {
		cli.HelpPrinterCustom(&b, c.CustomHelpTemplate, c, more)
	}
	for line := range bytes.Lines(b.Bytes()) {
		w.Write(append(bytes.TrimRight(line, " \n"), '\n'))
	}
}
