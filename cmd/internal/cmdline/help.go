package cmdline

import (
	"bytes"
	"fmt"
	"io"
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

// The templates of help; all text keeps its own lines.
const (
	commandHelp = `USAGE:
   {{.HelpName}}{{if .VisibleCommands}} COMMAND{{end}}{{if .VisibleFlags}} [FLAGS]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}

   {{.Usage}}{{if .Description}}

DESCRIPTION:
   {{nindent3 .Description}}{{end}}{{if .UsageText}}

EXAMPLES:
   {{nindent3 .UsageText}}{{end}}{{if .VisibleCommands}}

COMMANDS:{{template "visibleCommandTemplate" .}}{{end}}{{if .VisibleFlags}}

FLAGS:{{range .VisibleFlags}}
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
	indent := map[string]any{"nindent3": func(s string) string {
		return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n   ")
	}}
	if c == nil {
		cli.HelpPrinterCustom(&b, appHelp, app, indent)
	} else {
		cli.HelpPrinterCustom(&b, c.CustomHelpTemplate, c, indent)
	}
	for line := range bytes.Lines(b.Bytes()) {
		w.Write(append(bytes.TrimRight(line, " \n"), '\n'))
	}
}
