package stream

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDataset(t *testing.T) {
	for _, c := range []struct{ name, key, revision, say string }{
		{name: "wikitext", key: "wikitext"},
		{name: "a name @ with anything", key: "a name @ with anything"},
		{name: "hf:owner/name", key: "hf:owner/name"},
		{name: "hf:name", key: "hf:name"},
		{name: "hf:owner/name@v1.0", key: "hf:owner/name", revision: "v1.0"},
		{name: "hf:owner/name:config", key: "hf:owner/name:config"},
		{name: "hf:owner/name@refs/convert/parquet:config/test", key: "hf:owner/name:config/test", revision: "refs/convert/parquet"},
		{name: "hf:owner/name@latest", say: "never a revision"},
		{name: "hf:owner/name@latest:config", say: "never a revision"},
		{name: "hf:owner/name:config@v1", say: "behind the name"},
		{name: "hf:", say: "write hf:"},
		{name: "hf:owner/", say: "write hf:"},
		{name: "hf:owner/name/more", say: "write hf:"},
		{name: "hf:owner/name@", say: "write hf:"},
		{name: "hf:owner/name:", say: "write hf:"},
		{name: "hf:owner/name:/train", say: "write hf:"},
		{name: "hf:owner/name:config/", say: "write hf:"},
		{name: "hf:owner/name:config/split/more", say: "write hf:"},
	} {
		key, revision, err := ParseDataset(c.name)
		var keyErr *KeyError
		switch {
		case c.say != "":
			if !errors.As(err, &keyErr) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%s: error %v", c.name, err)
			}
		case err != nil || key != c.key || revision != c.revision || AtRevision(key, revision) != c.name:
			t.Errorf("%s: %q at %q, %v; put back %q", c.name, key, revision, err, AtRevision(key, revision))
		}
	}
}

func FuzzParseDataset(f *testing.F) {
	f.Add("hf:owner/name@v1:config/split")
	f.Add("wikitext")
	f.Fuzz(func(t *testing.T, name string) {
		key, revision, err := ParseDataset(name)
		if err != nil {
			return
		}
		again, none, err := ParseDataset(key)
		if err != nil || again != key || none != "" && strings.HasPrefix(name, hubPrefix) {
			t.Errorf("%q is %q at %q, which is %q at %q, %v", name, key, revision, again, none, err)
		}
	})
}
