package term

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// clock is a clock that moves when it is told to.
type clock struct{ t time.Time }

func newClock() *clock                               { return &clock{time.Unix(1e9, 0)} }
func (c *clock) now() time.Time                      { return c.t }
func (c *clock) advance(d time.Duration)             { c.t = c.t.Add(d) }
func (c *clock) set(since time.Duration)             { c.t = time.Unix(1e9, 0).Add(since) }
func newPlain(c *clock, w *strings.Builder) Progress { return NewProgress(w, c.now) }

// screen is a terminal of a few columns: what a person would see.
type screen struct {
	width, column int
	lines         [][]rune
	writes        int
}

func (s *screen) Write(p []byte) (int, error) {
	s.writes++
	text := string(p)
	for text != "" {
		if after, ok := strings.CutPrefix(text, "\x1b[K"); ok {
			text = after
			last := &s.lines[len(s.lines)-1]
			*last = (*last)[:min(len(*last), s.column)]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		if len(s.lines) == 0 {
			s.lines = [][]rune{nil}
		}
		switch r {
		case '\r':
			s.column = 0
		case '\n':
			s.lines, s.column = append(s.lines, nil), 0
		default:
			if s.column == s.width {
				s.lines, s.column = append(s.lines, nil), 0
			}
			last := &s.lines[len(s.lines)-1]
			for len(*last) <= s.column {
				*last = append(*last, ' ')
			}
			(*last)[s.column] = r
			s.column++
		}
	}
	return len(p), nil
}

func (s *screen) String() string {
	var b strings.Builder
	for i, l := range s.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(string(l))
	}
	return b.String()
}

func newBar(c *clock, width int) (*bar, *screen) {
	s := &screen{width: width}
	return &bar{w: s, now: c.now, width: func() int { return s.width }}, s
}

func TestBar(t *testing.T) {
	c := newClock()
	b, s := newBar(c, 80)
	see := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(strings.Join(want, "\n"), s.String()); diff != "" {
			t.Error(diff)
		}
	}
	b.Line("Resuming run 01K…7Q3M")
	b.Start(80_000)
	see("Resuming run 01K…7Q3M",
		"  0% |          | 0/80,000 [00:00<?, ? samples/s]")

	c.advance(5 * time.Second)
	b.Update(State{Done: 20_060, Rate: 4012, Left: 15 * time.Second, LeftKnown: true})
	see("Resuming run 01K…7Q3M",
		" 25% |██▌       | 20,060/80,000 [00:05<00:15, 4,012 samples/s]")

	b.Saved("Checkpoint saved:\n21,000 samples")
	see("Resuming run 01K…7Q3M",
		`Checkpoint saved:\n21,000 samples`,
		" 25% |██▌       | 20,060/80,000 [00:05<00:15, 4,012 samples/s]")

	c.advance(15 * time.Second)
	b.Update(State{Done: 80_000, Errored: 3, Rate: 3999, LeftKnown: true})
	b.Finish()
	b.Finish()
	see("Resuming run 01K…7Q3M",
		`Checkpoint saved:\n21,000 samples`,
		"100% |██████████| 80,000/80,000 [00:20<00:00, 3,999 samples/s, errored: 3]", "")
	b.Line("done")
	if got := s.String(); !strings.HasSuffix(got, "errored: 3]\ndone\n") {
		t.Errorf("after Finish:\n%s", got)
	}
}

func TestBarOfUnknownLength(t *testing.T) {
	c := newClock()
	b, s := newBar(c, 80)
	b.Start(0)
	if got := s.String(); got != "0 [00:00, ? samples/s]" {
		t.Errorf("%q", got)
	}
	c.advance(3 * time.Second)
	b.Update(State{Done: 12_036, Rate: 4012})
	if got := s.String(); got != "12,036 [00:03, 4,012 samples/s]" {
		t.Errorf("%q", got)
	}
}

func TestBarRepaintsTenTimesASecondAtMost(t *testing.T) {
	c := newClock()
	b, s := newBar(c, 80)
	b.Start(1000)
	for i := range 1000 {
		c.advance(time.Millisecond)
		b.Update(State{Done: int64(i + 1), LeftKnown: true})
	}
	if s.writes != 11 {
		t.Errorf("painted %d times in a second, want 1 + 10", s.writes)
	}
	b.Request()
	if got := s.String(); !strings.HasPrefix(got, "100% |██████████| 1,000/1,000 [00:01<00:00, ") {
		t.Errorf("after Request: %q", got)
	}
}

// On a terminal of any width the bar stays on its one line, and says in what
// there is of it how far training is.
func TestBarFitsAnyWidth(t *testing.T) {
	for width := range 120 {
		width++
		c := newClock()
		b, s := newBar(c, width)
		b.Start(80_000)
		for i := range int64(50) {
			c.advance(time.Second)
			b.Update(State{Done: i * 1700, Errored: i, Rate: 1700, Slower: 4, Workers: 8, Alive: 7, Note: "layer 0: 410 ms"})
		}
		if len(s.lines) > 1 || len(s.lines[0]) >= width && width > 1 {
			t.Fatalf("%d columns:\n%s", width, s)
		}
		if got := s.String(); width > 5 && got[:5] != "100% " || width >= 90 && utf8.RuneCountInString(strings.Split(got, "|")[1]) < cells/2 {
			t.Fatalf("%d columns: %s", width, got)
		}
	}
}

// However the counts run, a line that was printed stays whole and in order, and
// below the lines there is the bar.
func TestBarKeepsLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		b, s := newBar(c, 200)
		b.Start(rapid.Int64Range(-1, 1000).Draw(t, "total"))
		var want []string
		for i := range rapid.IntRange(0, 50).Draw(t, "steps") {
			c.advance(time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Hour)).Draw(t, "step")))
			b.Update(State{Done: rapid.Int64Range(-5, 2000).Draw(t, "done")})
			if rapid.Bool().Draw(t, "line") {
				want = append(want, fmt.Sprintf("line %d of some length", i))
				b.Line(want[len(want)-1])
			}
		}
		lines := strings.Split(s.String(), "\n")
		if diff := cmp.Diff(want, lines[:len(lines)-1]); len(want)+1 != len(lines) || len(want) > 0 && diff != "" {
			t.Fatalf("%s", s)
		}
		if last := lines[len(lines)-1]; !strings.Contains(last, "[") || !strings.HasSuffix(last, "]") {
			t.Fatalf("no bar: %q", last)
		}
	})
}

func TestFill(t *testing.T) {
	for done, want := range map[int64]string{-1: "          ", 0: "          ", 1: "▏         ", 7: "▉         ", 8: "█         ", 79: "█████████▉", 80: "██████████", 99: "██████████"} {
		if got := fill(done, 80, 10); got != want {
			t.Errorf("fill(%d) = %q, want %q", done, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	c, out := newClock(), &strings.Builder{}
	p := newPlain(c, out)
	see := func(want string) {
		t.Helper()
		if got := out.String(); got != want {
			t.Errorf("after %v:\n got %q\nwant %q", c.t.Sub(time.Unix(1e9, 0)), got, want)
		}
		out.Reset()
	}
	p.Start(80_000)
	p.Update(State{Row: 30_612})
	see("")
	c.set(59 * time.Second)
	p.Update(State{Done: 23_600, Row: 66_000})
	see("")
	c.set(60 * time.Second)
	p.Update(State{Done: 24_000, Row: 67_000, Errored: 2, Rate: 400, Left: 140 * time.Second, LeftKnown: true})
	see("24,000 of 80,000 samples (30%) in 01:00, 400 samples/s, 02:20 left, next row: 67,000, errored: 2\n")

	// Of ten checkpoints in a second the first and the last are printed.
	c.set(70 * time.Second)
	for i := range 10 {
		p.Saved(fmt.Sprint("saved ", i))
	}
	see("saved 0\n")
	c.set(70*time.Second + 999*time.Millisecond)
	p.Update(State{Done: 28_000})
	see("")
	c.set(71 * time.Second)
	p.Update(State{Done: 28_400, Rate: 400, Left: 129 * time.Second, LeftKnown: true})
	see("saved 9\n")

	// What must not be lost comes at once, in its order, as does what is asked for.
	p.Saved("saved 10")
	p.Line("note: a\nb")
	see("saved 10\nnote: a\\nb\n")
	p.Request()
	see("28,400 of 80,000 samples (35%) in 01:11, 400 samples/s, 02:09 left, next row: 0\n")

	// A minute after the last report, and a second after the last checkpoint.
	c.set(119*time.Second + 500*time.Millisecond)
	p.Saved("saved 11")
	see("saved 11\n")
	c.set(120 * time.Second)
	p.Update(State{Done: 48_000})
	see("")
	c.set(120*time.Second + 500*time.Millisecond)
	p.Update(State{Done: 48_200, Rate: 400, Left: 79 * time.Second, LeftKnown: true})
	see("48,200 of 80,000 samples (60%) in 02:00, 400 samples/s, 01:19 left, next row: 0\n")

	p.Saved("saved 12")
	p.Finish()
	p.Finish()
	see("saved 12\n")
}

func TestPlainOfUnknownLength(t *testing.T) {
	c, out := newClock(), &strings.Builder{}
	p := newPlain(c, out)
	p.Start(0)
	p.Request()
	if got := out.String(); got != "0 samples in 00:00, ? samples/s, next row: 0\n" {
		t.Errorf("%q", got)
	}
}

// A log gets at most one line a second of those that are not asked for, and
// the last checkpoint is always in it.
func TestPlainIsNeverTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, out := newClock(), &strings.Builder{}
		p := newPlain(c, out)
		p.Start(1000)
		var last string
		lastPrinted := time.Time{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			c.advance(time.Duration(rapid.Int64Range(0, int64(70*time.Second)).Draw(t, "step")) / time.Duration(rapid.IntRange(1, 100).Draw(t, "divisor")))
			before := out.Len()
			if rapid.Bool().Draw(t, "saved") {
				last = fmt.Sprintf("saved %d\n", i)
				p.Saved(strings.TrimSuffix(last, "\n"))
			} else {
				p.Update(State{Done: int64(i)})
			}
			if printed := out.String()[before:]; printed != "" {
				if n := strings.Count(printed, "\n"); n != 1 || c.now().Sub(lastPrinted) < time.Second {
					t.Fatalf("%q %v after the line before", printed, c.now().Sub(lastPrinted))
				}
				lastPrinted = c.now()
			}
		}
		p.Finish()
		if strings.Count(out.String(), last) != 1 && last != "" {
			t.Fatalf("%q is not in\n%s", last, out)
		}
	})
}

// A training that fares badly says so, as far as there is room for it.
func TestRemarks(t *testing.T) {
	state := State{
		Done: 65_008, Errored: 3, Row: 99_001, Rate: 1 / 31., Slower: 34.6, Left: 446 * time.Hour, LeftKnown: true,
		Workers: 8, Alive: 7, Note: "layer 0:\x07 410 ms a request",
	}
	c, out := newClock(), &strings.Builder{}
	p := newPlain(c, out)
	p.Start(100_000)
	c.advance(237 * time.Hour)
	p.Update(state)
	const line = `65,008 of 100,000 samples (65%) in 237:00:00, 31.0 s/sample, 35 times slower than at the start, layer 0:\x07 410 ms a request, 446:00:00 left, next row: 99,001, errored: 3, 7 of 8 workers alive` + "\n"
	if diff := cmp.Diff(line, out.String()); diff != "" {
		t.Error(diff)
	}
	for width, want := range map[int]string{
		200: ` 65% |██████▌   | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower than at the start, layer 0:\x07 410 ms a request, 7 of 8 workers alive, errored: 3]`,
		144: ` 65% |██████▌   | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower than at the start, 7 of 8 workers alive, errored: 3]`,
		135: ` 65% |███▉  | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower than at the start, 7 of 8 workers alive, errored: 3]`,
		120: ` 65% |█████▊   | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower, 7 of 8 workers alive, errored: 3]`,
		96:  ` 65% |████▌  | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, 35 times slower, errored: 3]`,
		80:  ` 65% |█████▏  | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, errored: 3]`,
		90:  ` 65% |██████▌   | 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, errored: 3]`,
		60:  ` 65% 65,008/100,000 [237:00:00<446:00:00, 31.0 s/sample, er`,
	} {
		c := newClock()
		b, s := newBar(c, width)
		b.Start(100_000)
		c.advance(237 * time.Hour)
		b.Update(state)
		if diff := cmp.Diff(want, s.String()); diff != "" {
			t.Errorf("%d columns: %s", width, diff)
		}
	}
}

// What is as it should be is not worth a word.
func TestNoRemarks(t *testing.T) {
	for _, s := range []State{{}, {Slower: 1.99, Workers: 8, Alive: 8}, {Slower: math.Inf(-1), Alive: 1}, {Slower: math.NaN()}} {
		p := progress{state: s}
		if got := p.remarks(); got != (remarks{}) {
			t.Errorf("%+v: %+v", s, got)
		}
	}
	p := progress{state: State{Slower: math.Inf(1)}}
	if got := p.remarks().slower; got != ", 1,000,000 times slower than at the start" {
		t.Errorf("%q", got)
	}
}

func TestTimeLeftIsNotKnown(t *testing.T) {
	c := newClock()
	b, s := newBar(c, 100)
	b.Start(math.MaxInt64)
	c.advance(time.Hour)
	b.Update(State{Done: 1, Rate: 1 / 3600.})
	if got := s.String(); !strings.Contains(got, "[1:00:00<?, 3,600 s/sample]") {
		t.Errorf("%q", got)
	}
}
