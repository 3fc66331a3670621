package cmdline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// A line is a command line, understood as far as its order goes: which command
// it is for, and what are flags. cli stops to look for flags at the first
// argument; args has every flag right behind the command that it belongs to.
type line struct {
	path    []string     // the program and its command: trainer run
	command *cli.Command // nil for the program itself
	words   []string     // the arguments
	args    []string     // the whole line in the order that cli wants
	unknown string       // the first flag that nobody knows, as it was given
	bare    string       // a flag at the end that lacks its value
	help    bool
	version bool
	json    bool

	levels []level
}

// A level is the program or one of the commands below it, with the flags that
// were given for it.
type level struct {
	name     string
	flags    []cli.Flag
	commands []*cli.Command
	given    []string
}

// parse reads args, the program first. What follows -- is arguments.
func parse(app *cli.App, args []string) line {
	l := line{
		path:   []string{app.Name},
		levels: []level{{name: args[0], flags: app.Flags, commands: app.Commands}},
	}
	rest := args[1:]
	for len(rest) > 0 && rest[0] != "--" {
		arg := rest[0]
		rest = rest[1:]
		if len(arg) < 2 || arg[0] != '-' {
			l.word(arg)
			continue
		}
		switch at, wantsValue := l.flag(arg); {
		case wantsValue && len(rest) > 0:
			at.given = append(at.given, rest[0])
			rest = rest[1:]
		case wantsValue:
			l.bare = arg // moved, it would take an argument for its value
		}
	}
	for _, v := range l.levels {
		l.args = append(append(l.args, v.name), v.given...)
	}
	if len(rest) > 0 {
		l.args = append(l.args, "--")
		l.words = append(l.words, rest[1:]...)
	}
	l.args = append(l.args, l.words...)
	return l
}

// word takes a command's name or an argument.
func (l *line) word(arg string) {
	last := l.levels[len(l.levels)-1]
	i := slices.IndexFunc(last.commands, func(c *cli.Command) bool { return c.HasName(arg) })
	switch {
	case len(l.words) > 0:
		l.words = append(l.words, arg)
	case i >= 0:
		c := last.commands[i]
		l.command, l.path = c, append(l.path, c.Name)
		l.levels = append(l.levels, level{name: arg, flags: c.Flags, commands: c.Subcommands})
	case l.command == nil && arg == "help":
		l.help = true
	default:
		l.words = append(l.words, arg)
	}
}

// flag takes a flag, gives it to the level that it belongs to, and reports
// whether the next word is its value.
func (l *line) flag(arg string) (at *level, wantsValue bool) {
	given, value, hasValue := strings.Cut(arg, "=")
	name := strings.TrimPrefix(given[1:], "-")
	at, f := l.owner(name)
	at.given = append(at.given, arg)
	if f == nil {
		// Behind a mistyped command every flag is unknown: the command is told.
		if l.unknown == "" && (len(l.words) == 0 || len(at.commands) == 0) {
			l.unknown = given
		}
		return at, false
	}
	l.help = l.help || f.Names()[0] == "help"
	l.version = l.version || f.Names()[0] == "version"
	if name == "json" {
		on, err := strconv.ParseBool(value)
		l.json = !hasValue || on && err == nil
	}
	doc, ok := f.(cli.DocGenerationFlag)
	return at, ok && doc.TakesValue() && !hasValue
}

// owner returns the nearest level that has the flag, so that --ledger of the
// program may stand behind a command. One that nobody has is left to the last.
func (l *line) owner(name string) (*level, cli.Flag) {
	for i := len(l.levels) - 1; i >= 0; i-- {
		for _, f := range l.levels[i].flags {
			if slices.Contains(f.Names(), name) {
				return &l.levels[i], f
			}
		}
	}
	return &l.levels[len(l.levels)-1], nil
}
