package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FromEnv returns the Options that Hugging Face's own programs would use:
// HF_ENDPOINT; HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file HF_TOKEN_PATH
// (by default HF_HOME/token); HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, or
// HF_HOME/hub; HF_HUB_OFFLINE or HF_DATASETS_OFFLINE. HF_HOME is by default
// huggingface in XDG_CACHE_HOME or ~/.cache. A token file that is not there is
// no token; one that cannot be read is an error.
func FromEnv(getenv func(string) string) (Options, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				return v
			}
		}
		return ""
	}
	// path is a variable's value with ~ and $X put in, or the default joined.
	path := func(value string, or ...string) string {
		if value == "" {
			return filepath.Join(or...)
		}
		if value == "~" || strings.HasPrefix(value, "~/") {
			value = filepath.Join(home(getenv), value[1:])
		}
		return os.Expand(value, getenv)
	}
	hfHome := path(first("HF_HOME"), path(first("XDG_CACHE_HOME"), home(getenv), ".cache"), "huggingface")

	opt := Options{
		Endpoint: first("HF_ENDPOINT"),
		Token:    first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
		CacheDir: path(first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), hfHome, "hub"),
		Offline:  isTrue(first("HF_HUB_OFFLINE")) || isTrue(first("HF_DATASETS_OFFLINE")),
	}
	if opt.Token == "" {
		token, err := os.ReadFile(path(first("HF_TOKEN_PATH"), hfHome, "token"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Options{}, fmt.Errorf("read hub token: %w", err)
		}
		opt.Token = strings.TrimSpace(string(token))
	}
	return opt, nil
}

func home(getenv func(string) string) string {
	if h := getenv("HOME"); h != "" {
		return h
	}
	return getenv("USERPROFILE") // Windows
}

func isTrue(s string) bool {
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
