package cmdline

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// closest returns the name that was probably meant by given: one that needs the
// fewest letters changed, and not more than a third of them. It returns "" if
// there is none.
func closest(given string, names []string) string {
	best, least := "", max(1, len(given)/3)+1
	for _, name := range names {
		if d := distance(given, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of letters to add, drop or change to get from a to b;
// two that are swapped count as two.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// suggestFlag answers an unknown flag, given with its dashes, with what was
// meant, in the form " (did you mean --limit?)".
func suggestFlag(given string, flags []cli.Flag) string {
	var names []string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, "--"+name)
			}
		}
	}
	return didYouMean(closest("--"+strings.TrimLeft(given, "-"), names))
}

// suggestCommand answers an unknown command with what was meant.
func suggestCommand(given string, commands []*cli.Command) string {
	names := []string{"help"}
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Names()...)
		}
	}
	return didYouMean(closest(given, names))
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return " (did you mean " + name + "?)"
}
