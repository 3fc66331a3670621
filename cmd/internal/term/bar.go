package term

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"ckptledger/cmd/internal/human"
)

// repaint is the shortest time between two paintings of a bar.
const repaint = 100 * time.Millisecond

// cells is how wide the bar itself is where there is room.
const cells = 10

// A bar is a Progress on the last line of a terminal, in the shape of tqdm:
//
//	 25% |██▌       | 20,000/80,000 [00:05<00:15, 4,012 samples/s]
//	12,345 [00:03, 4,012 samples/s]
//	 65% |██████▌   | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower than at the start]
//
// It paints only when it is called, so it writes nothing by itself and its
// lines never mix with others.
type bar struct {
	progress
	w       io.Writer
	now     func() time.Time
	width   func() int
	painted time.Time
	printed time.Time // the last line about a checkpoint
	pending string    // the newest that had to wait
	shown   bool      // between Start and Finish
}

// Start paints the bar at 0.
func (b *bar) Start(total int64) {
	now := b.now()
	b.start(now, total)
	b.shown = true
	b.paint(now)
}

// Update repaints the bar if that is due.
func (b *bar) Update(s State) {
	now := b.now()
	b.update(s)
	if now.Sub(b.printed) >= plainApart {
		b.flush(now)
	}
	if d := now.Sub(b.painted); d >= repaint || d < 0 {
		b.paint(now)
	}
}

// Saved prints line above the bar, or keeps it for later instead of the one kept
// before: many a second would leave nothing else to be seen.
func (b *bar) Saved(line string) {
	b.pending = line
	if now := b.now(); now.Sub(b.printed) >= plainApart {
		b.flush(now)
	}
}

// Line prints line above the bar, after the checkpoint that still waits.
func (b *bar) Line(line string) {
	b.flush(b.now())
	b.above(line)
}

func (b *bar) flush(now time.Time) {
	if b.pending != "" {
		b.above(b.pending)
		b.pending, b.printed = "", now
	}
}

func (b *bar) above(line string) {
	fmt.Fprintf(b.w, "\r\x1b[K%s\n", human.Printable(line))
	b.paint(b.now())
}

// Request repaints the bar.
func (b *bar) Request() { b.paint(b.now()) }

// Finish paints the bar a last time and leaves it.
func (b *bar) Finish() {
	if b.shown {
		b.flush(b.now())
		b.paint(b.now())
		fmt.Fprintln(b.w)
		b.shown = false
	}
}

func (b *bar) paint(now time.Time) {
	if !b.shown {
		return
	}
	b.painted = now
	// A character in the last column would make some terminals wrap.
	fmt.Fprintf(b.w, "\r%s\x1b[K", b.line(now, b.width()-1))
}

// line lays the bar out for width columns. On narrow terminals first half of the bar
// goes, then what is remarked, then the bar; in the end the end is cut off.
func (b *bar) line(now time.Time, width int) string {
	elapsed, left, head := human.Clock(now.Sub(b.began)), "?", ""
	if b.state.LeftKnown {
		left = human.Clock(b.state.Left)
	}
	rest := fmt.Sprintf("%s [%s, %s", human.Count(b.state.Done), elapsed, human.Rate(b.state.Rate))
	if b.total > 0 {
		head = fmt.Sprintf("%3d%%", b.percent())
		rest = fmt.Sprintf(" %s/%s [%s<%s, %s", human.Count(b.state.Done), human.Count(b.total), elapsed, left, human.Rate(b.state.Rate))
	}
	r := b.remarks()
	room := func() int { // for the bar
		return width - len(head) - len(" ||") - len(rest) - utf8.RuneCountInString(r.slower+r.note+r.alive+r.errored+"]")
	}
	for _, less := range []struct {
		part *string
		to   string
	}{{&r.note, ""}, {&r.slower, strings.TrimSuffix(r.slower, sinceStart)}, {&r.alive, ""}, {&r.slower, ""}} {
		if room() >= cells/2 {
			break
		}
		*less.part = less.to
	}
	n := room()
	rest += r.slower + r.note + r.alive + r.errored + "]"
	if b.total == 0 || n < 1 {
		return cut(head+rest, width)
	}
	return head + " |" + fill(b.state.Done, b.total, min(n, cells)) + "|" + rest
}

// fill draws done of total in n columns, in eighths of one.
func fill(done, total int64, n int) string {
	eighths := int(min(1, float64(done)/float64(total)) * float64(8*n))
	s := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		s += string(rune('▉' + 7 - part)) // ▉ is 7/8, the runes after it less and less
	}
	return s + strings.Repeat(" ", n-utf8.RuneCountInString(s))
}

// cut shortens s to width runes.
func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:max(0, width)])
	}
	return s
}
