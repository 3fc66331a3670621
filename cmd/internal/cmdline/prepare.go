package cmdline

import (
	"errors"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// prepare takes from cli what it would do by itself: to exit, to print help on
// stdout after an error, to add help commands that would be taken for an
// argument of the same name, and to split what must stay whole.
func prepare(app *cli.App) {
	app.HideHelp = true
	app.Flags = prepareFlags(app.Flags)
	if app.Version != "" {
		app.HideVersion = true // cli's flag for it
		app.Flags = append(app.Flags, asking("version", "v", "print the version"))
	}
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageError
	app.DisableSliceFlagSeparator = true
	app.Setup()
	for _, c := range app.Commands {
		prepareCommand(c)
	}
}

func prepareCommand(c *cli.Command) {
	c.HideHelp = true
	c.Flags = prepareFlags(c.Flags)
	c.OnUsageError = usageError
	if c.CustomHelpTemplate == "" {
		Document(c, c.UsageText)
	}
	for _, sub := range c.Subcommands {
		sub.HelpName = c.HelpName + " " + sub.Name
		prepareCommand(sub)
	}
}

// asking is a flag like cli.HelpFlag and cli.VersionFlag, which all apps of a process
// share and write to.
func asking(name, short, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: []string{short}, Usage: usage, DisableDefaultText: true}
}

// prepareFlags adds --help, and keeps "(default: false)" out of it.
func prepareFlags(flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok && !b.Value {
			b.DisableDefaultText = true
		}
	}
	return append(flags, asking("help", "h", "show help"))
}

var badValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?(-[^:]+): (.*)$`)

// usageError says what cli found wrong with a flag, with its name as it is
// written.
func usageError(_ *cli.Context, err error, _ bool) error {
	text := err.Error()
	if m := badValue.FindStringSubmatch(text); m != nil {
		name := m[2]
		if len(name) > 2 {
			name = "-" + name // package flag writes all of them with one dash
		}
		return Usagef("invalid value %s for %s: %s", m[1], name, m[3])
	}
	return &UsageError{Message: strings.ToLower(text[:1]) + text[1:]}
}

// try is the line to copy after wrong usage.
func try(err error, l line) string {
	if usage := (*UsageError)(nil); errors.As(err, &usage) && usage.Try != "" {
		return usage.Try
	}
	return strings.Join(append(l.path, "--help"), " ")
}
