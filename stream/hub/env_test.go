package hub_test

import (
	"os"
	"path/filepath"
	"testing"

	"ckptledger/stream/hub"
)

func TestFromEnv(t *testing.T) {
	home := t.TempDir()
	for path, token := range map[string]string{
		".cache/huggingface/token": "hf_home\n", "xdg/huggingface/token": "hf_xdg", "hf/token": " hf_hf \n", "elsewhere": "hf_path",
	} {
		name := filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(path string) string { return filepath.Join(home, path) }
	for _, c := range []struct {
		env  map[string]string
		want hub.Options
	}{
		{nil, hub.Options{Token: "hf_home", CacheDir: in(".cache/huggingface/hub")}},
		{map[string]string{"XDG_CACHE_HOME": in("xdg")}, hub.Options{Token: "hf_xdg", CacheDir: in("xdg/huggingface/hub")}},
		{map[string]string{"HF_HOME": "~/hf"}, hub.Options{Token: "hf_hf", CacheDir: in("hf/hub")}},
		{map[string]string{"HF_HOME": "$HOME/hf", "HF_HUB_CACHE": "~/c"}, hub.Options{Token: "hf_hf", CacheDir: in("c")}},
		{map[string]string{"HF_HOME": in("none"), "HUGGINGFACE_HUB_CACHE": in("old")}, hub.Options{CacheDir: in("old")}},
		{map[string]string{"HF_TOKEN_PATH": in("elsewhere")}, hub.Options{Token: "hf_path", CacheDir: in(".cache/huggingface/hub")}},
		{map[string]string{"HF_TOKEN": " hf_1 ", "HUGGING_FACE_HUB_TOKEN": "hf_2", "HF_ENDPOINT": "https://mirror"}, hub.Options{Token: "hf_1", Endpoint: "https://mirror", CacheDir: in(".cache/huggingface/hub")}},
		{map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_2", "HF_HUB_OFFLINE": "yes"}, hub.Options{Token: "hf_2", Offline: true, CacheDir: in(".cache/huggingface/hub")}},
		{map[string]string{"HF_TOKEN": "t", "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "0"}, hub.Options{Token: "t", Offline: true, CacheDir: in(".cache/huggingface/hub")}},
		{map[string]string{"HF_TOKEN": "t", "HF_HUB_OFFLINE": "off"}, hub.Options{Token: "t", CacheDir: in(".cache/huggingface/hub")}},
	} {
		got, err := hub.FromEnv(func(name string) string {
			if v, ok := c.env[name]; ok || name != "HOME" {
				return v
			}
			return home
		})
		if err != nil {
			t.Errorf("%v: %v", c.env, err)
		}
		if got.Token != c.want.Token || got.CacheDir != c.want.CacheDir || got.Endpoint != c.want.Endpoint || got.Offline != c.want.Offline {
			t.Errorf("%v: got %q %q %q %t", c.env, got.Endpoint, got.Token, got.CacheDir, got.Offline)
		}
	}
	// A folder is no token: to go on without one would be another account.
	_, err := hub.FromEnv(func(name string) string {
		return map[string]string{"HF_TOKEN_PATH": home, "HOME": home}[name]
	})
	if err == nil {
		t.Error("a token file that cannot be read was passed over")
	}
}
