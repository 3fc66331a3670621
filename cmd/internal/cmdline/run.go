// Package cmdline is the frame around the commands of both programs: it makes
// of urfave/cli what their users are promised, and turns errors into messages,
// exit codes and JSON.
//
// [Main] runs an app. Its commands are those of cli; they take their arguments
// from [Args], return a [UsageError], an [ExitError] or any other error, and
// print a result with [WriteJSON] where --json is given. [Document] adds
// examples and exit codes to their help.
//
// Caveats: help is answered here, not by cli. A flag of a command may stand
// anywhere behind the command's name, one of the program anywhere. Slice flags
// are not split at commas. A flag named json is taken for the one that asks
// for JSON.
package cmdline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/term"

	"github.com/urfave/cli/v2"
)

// Main runs app with the arguments and streams of this process, and returns
// what to exit with. From then on a broken pipe is an error, not the end.
func Main(ctx context.Context, app *cli.App) int {
	// To ignore the signal would make every process that is started from here
	// ignore it too. Nobody has to read the channel.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	app.Reader, app.Writer, app.ErrWriter = os.Stdin, os.Stdout, os.Stderr
	return Run(ctx, app, os.Args)
}

// Run runs app with args, the program first, and with the streams that are set
// in app; an app can be run once. What commands write to its streams never
// fails. A result that could not be written makes OK a Failed in the end; a
// reader that went away does not.
//
// With --json there is one value on stdout: the result, or else an object that
// says what the message on stderr says.
func Run(ctx context.Context, app *cli.App, args []string) int {
	stdout, stderr := term.NewSink(app.Writer), term.NewSink(app.ErrWriter)
	app.Writer, app.ErrWriter = stdout, stderr
	prepare(app)
	l := parse(app, args)
	err := run(ctx, app, l)
	code := CodeOf(err)
	if exit := (*ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.Err == nil) {
		report(stderr, app.Name, err)
		if code == Usage {
			fmt.Fprintln(stderr, "Try:", try(err, l))
		}
		if l.json && !stdout.Wrote() {
			WriteJSON(stdout, refusal(err))
		}
	}
	if err := stdout.Err(); err != nil && code == OK {
		report(stderr, app.Name, fmt.Errorf("write results: %w", err))
		code = Failed
	}
	return int(code)
}

// run answers what needs no command, and lets cli do the rest.
func run(ctx context.Context, app *cli.App, l line) error {
	commands, flags := app.Commands, app.Flags
	if l.command != nil {
		commands = l.command.Subcommands
		flags = append(flags[:len(flags):len(flags)], l.command.Flags...)
	}
	switch {
	case l.unknown != "" && !l.help:
		return Usagef("unknown flag %s%s", l.unknown, suggestFlag(l.unknown, flags))
	case len(commands) > 0 && len(l.words) > 0:
		return Usagef("unknown command %s%s", human.Quote(l.words[0]), suggestCommand(l.words[0], commands))
	case l.help:
		writeHelp(app.Writer, app, l.command)
		return nil
	case l.version:
		cli.ShowVersion(cli.NewContext(app, nil, nil))
		return nil
	case l.bare != "":
		return Usagef("%s needs a value", l.bare)
	case len(commands) > 0:
		return Usagef("a command is missing")
	}
	return app.RunContext(ctx, l.args)
}
