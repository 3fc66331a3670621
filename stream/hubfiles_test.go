package stream

import (
	"errors"
	"strings"
	"testing"

	"ckptledger/stream/hub"

	"github.com/google/go-cmp/cmp"
)

// TestChooseFiles goes by cards in all the ways in which they are written, and
// by names where there is none.
func TestChooseFiles(t *testing.T) {
	const several = `{"configs": [
		{"config_name": "one", "data_files": "one/*.parquet"},
		{"config_name": "two", "data_files": [{"split": "train", "path": ["two/a-*", "two/b-*"]}, {"split": "test", "path": "two/test.parquet"}]},
		{"config_name": "three", "data_dir": "three"}]}`
	for _, c := range []struct {
		name, card string
		files      []string
		want       []string
		kind, say  string
	}{
		{name: "hf:o/n", card: `{"configs": [{"config_name": "x", "data_files": ["b.jsonl", "a.jsonl"]}]}`,
			files: []string{"a.jsonl", "b.jsonl", "c.jsonl"}, want: []string{"b.jsonl", "a.jsonl"}, kind: "jsonl"},
		{name: "hf:o/n:two", card: several, files: []string{"two/a-1.parquet", "two/b-1.parquet", "two/test.parquet"},
			want: []string{"two/a-1.parquet", "two/b-1.parquet"}, kind: "parquet"},
		{name: "hf:o/n:two/test", card: several, files: []string{"two/a-1.parquet", "two/test.parquet"}, want: []string{"two/test.parquet"}, kind: "parquet"},
		{name: "hf:o/n:three", card: several, files: []string{"one/train.parquet", "three/train.parquet", "three/test.parquet"},
			want: []string{"three/train.parquet"}, kind: "parquet"},
		{name: "hf:o/n", card: several, say: "one, two, three"},
		{name: "hf:o/n:four", card: several, say: "no config four"},
		{name: "hf:o/n:two/dev", card: several, say: "train, test"},
		{name: "hf:o/n", card: `{"configs": [{"config_name": "a", "data_files": "a/*"}, {"config_name": "b", "data_files": "b/**", "default": true}]}`,
			files: []string{"a/1.txt", "b/c/d/1.txt", "b/2.txt"}, want: []string{"b/c/d/1.txt", "b/2.txt"}, kind: "text"},
		{name: "hf:o/n", card: `{"configs": [{"config_name": "a"}, {"config_name": "default", "data_files": "**/x.jsonl.gz"}]}`,
			files: []string{"x.jsonl.gz", "y/z/x.jsonl.gz", "y/x.jsonl"}, want: []string{"x.jsonl.gz", "y/z/x.jsonl.gz"}, kind: "jsonl.gz"},
		{name: "hf:o/n", card: `{"configs": [{"config_name": "a", "data_files": "[.parquet"}]}`, files: []string{"a.parquet"}, say: "pattern"},
		{name: "hf:o/n", card: `{"configs": [{"config_name": "a", "data_files": {"train": "a.parquet"}}]}`, files: []string{"a.parquet", "b.parquet"}, say: "card"},
		{name: "hf:o/n", card: `{"configs": [{"config_name": "a"}, 7]}`, files: []string{"a.parquet"}, say: "card"},
		{name: "hf:o/n:default", files: []string{"train/a.parquet", "b/c.parquet"}, want: []string{"train/a.parquet"}, kind: "parquet"},
		{name: "hf:o/n", card: `{"configs": "nonsense"}`, files: []string{"a.parquet"}, want: []string{"a.parquet"}, kind: "parquet"},

		{name: "hf:o/n", files: []string{"README.md", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002-0123456789abcdef.parquet", "data/test-00000-of-00001.parquet", "train.parquet"},
			want: []string{"data/train-00000-of-00002.parquet", "data/train-00001-of-00002-0123456789abcdef.parquet"}, kind: "parquet"},
		{name: "hf:o/n:x/test", files: []string{"x/data/train-00000-of-00001.parquet", "x/data/test-00000-of-00001.parquet"}, want: []string{"x/data/test-00000-of-00001.parquet"}, kind: "parquet"},
		{name: "hf:o/n", files: []string{"training/a.json", "dev/b.json", "c.json", "config.json", ".hidden/d.json", "__pycache__/e.json"}, want: []string{"training/a.json"}, kind: "jsonl"},
		{name: "hf:o/n:a/validation", files: []string{"a/dev/b.json", "a/train/b.json"}, want: []string{"a/dev/b.json"}, kind: "jsonl"},
		{name: "hf:o/n", files: []string{"my_train.txt.gz", "train2.txt.gz", "trainer.txt.gz", "eval.txt.gz"}, want: []string{"my_train.txt.gz", "train2.txt.gz"}, kind: "text.gz"},
		{name: "hf:o/n", files: []string{"a.jsonl.zst", "b.json.zst", "c.txt"}, want: []string{"a.jsonl.zst", "b.json.zst"}, kind: "jsonl.zst"},
		{name: "hf:o/n", files: []string{"README.md", "data.csv"}, say: "no data"},
		{name: "hf:o/n:x/other", files: []string{"x/a.parquet"}, say: "no data"},
	} {
		name, err := parseHubName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		var card []byte
		if c.card != "" {
			card = []byte(c.card)
		}
		var listed []hub.File
		for _, f := range c.files {
			listed = append(listed, hub.File{Path: f})
		}
		p, err := choosePart(name, card)
		var chosen []hub.File
		var kind string
		if err == nil {
			for _, w := range c.want {
				if d := p.dir(); d != "" && !strings.HasPrefix(w, d+"/") {
					t.Errorf("%s: %s is not in %s", c.name, w, d)
				}
			}
			chosen, kind, err = p.choose(listed)
		}
		var got []string
		for _, f := range chosen {
			got = append(got, f.Path)
		}
		switch {
		case c.say != "":
			var key *KeyError
			if err == nil || !strings.Contains(err.Error(), c.say) || !errors.As(err, &key) && !errors.Is(err, ErrNoData) && c.say != "pattern" {
				t.Errorf("%s, card %s: error %v", c.name, c.card, err)
			}
		case err != nil || kind != c.kind || !cmp.Equal(got, c.want):
			t.Errorf("%s, card %s: %v of %s, %v; want %v", c.name, c.card, got, kind, err, c.want)
		}
	}
}

func FuzzCard(f *testing.F) {
	f.Add(`{"configs": [{"config_name": "a", "data_files": [{"split": "train", "path": ["a/*"]}], "data_dir": "b", "default": true}]}`, "data/train-00000-of-00001.parquet")
	f.Add(`{"configs": [{"config_name": "a", "data_files": "**/**/x*"}]}`, "a/b/c/x.txt")
	f.Fuzz(func(t *testing.T, card, file string) {
		p, err := choosePart(hubName{repo: "o/n"}, []byte(card))
		if err != nil {
			return
		}
		p.dir()
		chosen, kind, err := p.choose([]hub.File{{Path: file}})
		if err == nil && (len(chosen) == 0 || kind == "") {
			t.Errorf("nothing of %q, and no error", file)
		}
	})
}

func TestMatchPath(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a/*.txt", "a/b.txt", true}, {"a/*.txt", "a/b/c.txt", false}, {"*.txt", "a/b.txt", false},
		{"**", "a/b", true}, {"**/*.txt", "b.txt", true}, {"**/*.txt", "a/b/c.txt", true}, {"a/**/c", "a/c", true},
		{"a/**/c", "a/b/b/c", true}, {"a/**", "b/c", false}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/?", "a/b", true},
		{"a/**", "a", false}, {"**/**", "a", true}, {"**/a/b", "a/a/b", true}, {"**/a/**/b", "a/b/a/c", false}, {"a/**/b/**/c", "a/x/b/b/c", true},
		{strings.Repeat("**/a/", 40) + "b", strings.Repeat("a/", 80) + "c", false},
	} {
		if got, err := matchPath(c.pattern, c.name); got != c.want || err != nil {
			t.Errorf("%s, %s: %v, %v", c.pattern, c.name, got, err)
		}
	}
}
