package gpt2

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func vocabulary(t testing.TB) *Vocabulary {
	t.Helper()
	v, err := Shared()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAppend(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" ", []string{"Ġ"}},
		{"Hello, world!", []string{"Hello", ",", "Ġworld", "!"}},
		{"we'll say 'tis", []string{"we", "'ll", "Ġsay", "Ġ'", "tis"}},
		{"it's IT'S ''s", []string{"it", "'s", "ĠIT", "'", "S", "Ġ''", "s"}},
		{"a  b   c", []string{"a", "Ġ", "Ġb", "Ġ", "Ġ", "Ġc"}},
		{"a\n\n b \n", []string{"a", "ĊĊ", "Ġb", "Ġ", "Ċ"}},
		{"x\u00a0y \u3000", []string{"x", "Âł", "y", "Ġ", "ãĢ", "Ģ"}},
		{"in 1984, 2½", []string{"in", "Ġ1984", ",", "Ġ2", "Â½"}},
		{"abc\x7fdef", []string{"abc", "ġ", "def"}},
		{"a\xff\xe2\x82b", []string{"a", "ÿ", "â", "Ĥ", "b"}},
		{"<|endoftext|>", []string{"<", "|", "end", "of", "text", "|", ">"}},
	} {
		v := vocabulary(t)
		var got []string
		for _, id := range v.NewEncoder().Append(nil, []byte(test.text)) {
			got = append(got, v.Symbol(id))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", test.text, diff)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	e := vocabulary(t).NewEncoder()
	if got, want := e.Append([]uint16{7, 7}, []byte("Hello world")), []uint16{7, 7, 15496, 995}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUnicodeVersion fails when a release of Go brings newer tables. Text with
// the new characters is then cut otherwise: raise the version of the learner.
func TestUnicodeVersion(t *testing.T) {
	if unicode.Version != "15.0.0" {
		t.Errorf("Unicode %s: equal text may give other tokens than with 15.0.0", unicode.Version)
	}
}

// lossless reports an error if the ids are not those of the text or not what
// the reference says.
func lossless(t interface{ Errorf(string, ...any) }, v *Vocabulary, text []byte, ids, want []uint16) {
	var back []byte
	for _, id := range ids {
		back = append(back, v.Bytes(id)...)
	}
	if !bytes.Equal(back, text) {
		t.Errorf("%q became %q", text, back)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("%q: got %v, want %v", text, ids, want)
	}
}

func TestAnyBytes(t *testing.T) {
	v := vocabulary(t)
	e, r := v.NewEncoder(), newReference(t)
	text := rapid.OneOf(
		rapid.SliceOf(rapid.Byte()),
		rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
		rapid.Map(rapid.SliceOf(rapid.SampledFrom(tricky)), func(s []string) []byte { return []byte(strings.Join(s, "")) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		for _, text := range rapid.SliceOfN(text, 1, 100).Draw(t, "texts") {
			lossless(t, v, text, e.Append(nil, text), r.encode(text))
		}
	})
}

func FuzzAppend(f *testing.F) {
	for _, s := range tricky {
		f.Add([]byte("a" + s + " 'll" + s + s + "\n"))
	}
	f.Add([]byte(strings.Repeat("ab\xff", 100)))
	v := vocabulary(f)
	e, r := v.NewEncoder(), newReference(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return // the reference takes the square of it
		}
		lossless(t, v, text, e.Append(nil, text), r.encode(text))
	})
}

// TestWindows merges long pieces, also by windows so narrow that they have to
// be widened.
func TestWindows(t *testing.T) {
	v := vocabulary(t)
	r := newReference(t)
	random := rand.New(rand.NewPCG(1, 2))
	letters := func(alphabet ...string) []byte {
		var b []byte
		for n := 1 + random.IntN(1200); len(b) < n; {
			b = append(b, alphabet[random.IntN(len(alphabet))]...)
		}
		return b
	}
	for range 20 {
		for _, piece := range [][]byte{
			letters("a"),
			letters("-"),
			letters("ÃÂ"),
			letters("a", "b"),
			letters("-", "=", "_", "*"),
			letters("\xc3", "\x83", "\xc2", "\x82"),
			letters("t", "h", "e", "i", "n", "g", "o", "u", "s", "r"),
			letters("un", "believ", "able", "inter", "nation", "al", "ization", "The", "ing", "ed"),
		} {
			want := r.merge(nil, piece)
			for _, width := range []int{1, 2, 5, 16, 60, mergeWidth} {
				e := v.NewEncoder()
				e.width = width
				got := e.merge([]uint16{1, 2}, piece)
				if !slices.Equal(got[2:], want) {
					t.Fatalf("%d bytes at a time: %q\ngot  %v\nwant %v", width, piece, got[2:], want)
				}
			}
		}
	}
}

// TestCachePlace encodes in turn two pieces that share a place of the cache and
// one of the two words that tell them apart.
func TestCachePlace(t *testing.T) {
	v := vocabulary(t)
	r := newReference(t)
	for name, shape := range map[string]func(varied string) string{
		"first word":  func(varied string) string { return "abcdefgh" + varied },
		"second word": func(varied string) string { return varied + "abcdefgh" },
	} {
		seen := make(map[uint64]string)
		for i := 0; ; i++ {
			letters := make([]byte, 8)
			for k, n := 0, i; k < len(letters); k, n = k+1, n/26 {
				letters[k] = 'a' + byte(n%26)
			}
			piece := shape(string(letters))
			at := place(words([]byte(piece), len(piece)))
			before, ok := seen[at]
			if !ok {
				seen[at] = piece
				continue
			}
			e := v.NewEncoder()
			for _, text := range []string{before, piece, before} {
				if got, want := e.Append(nil, []byte(text)), r.encode([]byte(text)); !slices.Equal(got, want) {
					t.Errorf("same %s: %q: got %v, want %v", name, text, got, want)
				}
			}
			break
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	e := vocabulary(t).NewEncoder()
	text := []byte(strings.Repeat("It's 1984: незабываемое \xff日本語の文章\n", 100) + strings.Repeat("long", 5000))
	dst := e.Append(nil, text)
	if n := testing.AllocsPerRun(10, func() { dst = e.Append(dst[:0], text) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestEncodersAreIndependent(t *testing.T) {
	v := vocabulary(t)
	text := []byte(strings.Repeat("Some words, 1984 of them; don't count. ", 50))
	want := v.NewEncoder().Append(nil, text)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			e := v.NewEncoder()
			for range 20 {
				if got := e.Append(nil, text); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}
