package human

import (
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 20000: "20,000", -1: "-1", -999: "-999", -1000: "-1,000",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_234_567: "1.2 MB",
		1 << 30: "1.1 GB", -1_234_567: "-1.2 MB", math.MaxInt64: "9.2 EB", math.MinInt64: "-9.2 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		rate float64
		want string
	}{
		{0, "? samples/s"}, {-1, "? samples/s"}, {math.NaN(), "? samples/s"}, {math.Inf(1), "? samples/s"},
		{4012.3, "4,012 samples/s"}, {99.97, "100 samples/s"}, {57.87, "57.9 samples/s"}, {2.66, "2.66 samples/s"},
		{1, "1.00 samples/s"}, {0.5, "2.00 s/sample"}, {1 / 31.0, "31.0 s/sample"}, {math.MaxFloat64, "1.8e+308 samples/s"},
	} {
		if got := Rate(c.rate); got != c.want {
			t.Errorf("Rate(%v) = %q, want %q", c.rate, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	if got := ShortHash("0123456789abcdef"); got != "0123456789ab" {
		t.Errorf("ShortHash = %q", got)
	}
	if got := ShortHash("0123"); got != "0123" {
		t.Errorf("ShortHash of a short one = %q", got)
	}
}

func TestDuration(t *testing.T) {
	const us, ms, s, m, h = time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 ms"}, {1, "1 µs"}, {350 * us, "350 µs"}, {999600, "1 ms"}, {4 * ms, "4 ms"}, {999*ms + 400*us, "999 ms"}, {999*ms + 500*us, "1.0 s"},
		{1200 * ms, "1.2 s"}, {9949 * ms, "9.9 s"}, {9950 * ms, "10 s"}, {12 * s, "12 s"}, {59*s + 499*ms, "59 s"}, {59*s + 500*ms, "1m00s"}, {65 * s, "1m05s"},
		{h - 501*ms, "59m59s"}, {h - 500*ms, "1h00m"}, {3*h + 12*m + 29*s, "3h12m"}, {24*h - 31*s, "23h59m"}, {24*h - 30*s, "1d00h"},
		{237 * h, "9d21h"}, {-65 * s, "-1m05s"}, {math.MinInt64, "-106751d23h"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "00:00", 0: "00:00", 999 * time.Millisecond: "00:00", 65 * time.Second: "01:05", 3723 * time.Second: "1:02:03", 100 * time.Hour: "100:00:00",
	} {
		if got := Clock(d); got != want {
			t.Errorf("Clock(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		age  time.Duration
		want string
	}{
		{0, "just now"}, {4999 * time.Millisecond, "just now"}, {-4 * time.Second, "just now"}, {5 * time.Second, "5 seconds ago"}, {time.Minute, "1 minute ago"},
		{4*time.Minute + 59*time.Second, "4 minutes ago"}, {time.Hour, "1 hour ago"}, {47 * time.Hour, "47 hours ago"}, {48 * time.Hour, "2 days ago"},
		{76 * day, "76 days ago"}, {3 * 365 * day, "3 years ago"}, {-3 * time.Minute, "in 3 minutes"},
	} {
		if got := Ago(now, now.Add(-c.age)); got != c.want {
			t.Errorf("Ago of %v = %q, want %q", c.age, got, c.want)
		}
	}
	if got := Ago(now, time.Time{}); got != "at an unknown time" {
		t.Errorf("Ago of the zero time = %q", got)
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0s": 0, "5m": 5 * time.Minute, "7d": 7 * day, "2d12h": 60 * time.Hour, "0d5m": 5 * time.Minute, "1.5s": 1500 * time.Millisecond, "106751d": 106751 * day,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "0", "1.5", "-5m", "-0s", "-1d", "1.5d", "d", "d5m", "1h2d", "2d2d", "2d-5m", "2d5", "106752d", "106751d24h", "99999999999999999999d", "5 m", "m5"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestExactIsReadBack(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 5 * time.Minute: "5m", 60 * time.Hour: "2d12h", 90 * time.Second: "1m30s", day + time.Millisecond: "1d1ms"} {
		if got := Exact(d); got != want {
			t.Errorf("Exact(%v) = %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(0).Draw(t, "d"))
		if got, err := ParseDuration(Exact(d)); err != nil || got != d {
			t.Fatalf("%d is written %q and read as %d, %v", d, Exact(d), got, err)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"5m", "2d12h", "-1s", "1d1d", "9999999d", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := ParseDuration(Exact(d)); d < 0 || err != nil || again != d {
			t.Fatalf("%q is %v, written %q, read as %v, %v", s, d, Exact(d), again, err)
		}
	})
}

func TestParseInterval(t *testing.T) {
	for in, want := range map[string]struct {
		samples int64
		every   time.Duration
		words   string
	}{
		"1000,5m": {1000, 5 * time.Minute, "1,000 or 5m"}, "5m,1000": {1000, 5 * time.Minute, "1,000 or 5m"}, "1000": {1000, 0, "1,000"},
		"5m": {0, 5 * time.Minute, "5m"}, " 500, 1h30m ": {500, 90 * time.Minute, "500 or 1h30m"}, "0,5m": {0, 5 * time.Minute, "5m"}, "10,0s": {10, 0, "10"},
	} {
		samples, every, err := ParseInterval(in)
		if err != nil || samples != want.samples || every != want.every {
			t.Errorf("ParseInterval(%q) = %d, %v, %v, want %d, %v", in, samples, every, err, want.samples, want.every)
		}
		if got := Interval(samples, every); got != want.words {
			t.Errorf("Interval of %q = %q, want %q", in, got, want.words)
		}
	}
	for in, why := range map[string]string{
		"": "a part is empty", "1000,": "a part is empty", "0": "it would never checkpoint", "0,0s": "it would never checkpoint", "1,000": "thousands take no comma",
		"5m,10m": "two durations", "-5": "neither", "abc": "neither", "99999999999999999999": "too many", "1e3": "neither",
	} {
		if _, _, err := ParseInterval(in); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("ParseInterval(%q): %v, want an error with %q", in, err, why)
		}
	}
}

func FuzzParseInterval(f *testing.F) {
	for _, s := range []string{"1000,5m", "5m", "0", ",,", "1,2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		samples, every, err := ParseInterval(s)
		if err == nil && (samples < 0 || every < 0 || samples == 0 && every == 0) {
			t.Fatalf("%q is read as %d, %v", s, samples, every)
		}
	})
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"trainer", "run", "wikitext", "--chunk-sizes", "16,16,16,16"}, "trainer run wikitext --chunk-sizes 16,16,16,16"},
		{[]string{"ckpt", "show", "7Q3M#20", "wikitext@latest", "hf:org/name:config/split"}, "ckpt show 7Q3M#20 wikitext@latest hf:org/name:config/split"},
		{[]string{"a", "", "b c", "it's", "#x", "=x", "*.txt", "~", "$HOME", "é"}, `a '' 'b c' 'it'\''s' '#x' '=x' '*.txt' '~' '$HOME' 'é'`},
	} {
		if got := Quote(c.args...); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.args, got, c.want)
		}
	}
}

// A shell must read back exactly the arguments that were quoted.
func TestQuoteIsReadBackByTheShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	// Any bytes but NUL, which no argument can hold; one shell runs many words.
	word := rapid.OneOf(
		rapid.StringMatching(`[ -~]{0,12}`),
		rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 12), func(b []byte) string { return string(b) }),
	)
	args := rapid.SliceOfN(word, 200, 400)
	for seed := range 10 {
		want := args.Example(seed)
		script := "printf '%s\\0' " + Quote(want...)
		out, err := exec.Command(sh, "-c", script).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(out); got != strings.Join(want, "\x00")+"\x00" {
			t.Fatalf("seed %d: sh read %q, want %q", seed, strings.Split(got, "\x00"), want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain text": "plain text", "日本語 é 👩‍🚀": "日本語 é 👩‍🚀", "a\x1b[2Jb": `a\x1b[2Jb`, "a\r\nb\tc": `a\r\nb\tc`, "\x00\x7f": `\x00\x7f`,
		"\u009b2J": `\u009b2J`, "x\u202egpj": `x\u202egpj`, "a\u2028b": `a\u2028b`, "\xff\xfe": `\xff\xfe`, "\uFFFD": "\uFFFD", "a\u00a0b\u3000c": "a\u00a0b\u3000c", "\U000e0001": `\U000e0001`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;title\a")
	f.Add("\xc2\x9b")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if !utf8.ValidString(got) || Printable(got) != got {
			t.Fatalf("%q became %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || r == '\u2028' || r >= '\u202a' && r <= '\u202e' {
				t.Fatalf("%q left in %s", r, strconv.QuoteToASCII(got))
			}
		}
	})
}
