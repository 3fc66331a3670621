package records

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/migrations"
)

// LegacyNotes returns a line for each checkpoint file of another make in the
// ledger's folder: they are not used, and people who see them believe that they
// are.
func LegacyNotes(dir string, now time.Time) []string {
	files, err := migrations.ScanLegacy(dir)
	if err != nil {
		return nil // no such folder, or none that can be read: no files that could mislead
	}
	var lines []string
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("note: %s (%s) is not used; to look at it: %s",
			human.Printable(f.Path), LegacyFacts(f, now), human.Quote("ckpt", "import", "--dry-run", legacyDir(dir, f.Path))))
	}
	return lines
}

// LegacyFacts says in a few words what an old checkpoint file holds.
func LegacyFacts(f migrations.Legacy, now time.Time) string {
	var parts []string
	if f.Method != "" {
		parts = append(parts, f.Method+" method")
	} else {
		parts = append(parts, string(f.Kind))
	}
	if !f.Timestamp.IsZero() {
		parts = append(parts, human.Span(now.Sub(f.Timestamp))+" old")
	}
	if f.Attempted != nil {
		parts = append(parts, human.Count(*f.Attempted)+" attempted")
	}
	if f.Completed != nil {
		parts = append(parts, human.Count(*f.Completed)+" completed")
	}
	if f.Problem != "" {
		parts = append(parts, f.Problem)
	}
	return strings.Join(parts, ", ")
}

// legacyDir is the folder as it was given where the file lies in it or below it.
func legacyDir(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.Clean(dir)
	}
	return filepath.Dir(path)
}
