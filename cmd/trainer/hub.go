package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"sync"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/stream/hub"
)

// hubClient makes, once it is needed, the client of the hub that the environment
// describes, as Hugging Face's own programs read it.
func hubClient(n *notices) func() (*hub.Client, error) {
	return sync.OnceValues(func() (*hub.Client, error) {
		opt, err := hub.FromEnv(os.Getenv)
		if err != nil {
			return nil, err
		}
		opt.OnRetry = func(e hub.RetryEvent) {
			if e.Wait >= time.Second { // sooner nobody has asked yet
				n.say(fmt.Sprintf("note: %s: %v; trying again in %s", path.Base(e.What), e.Err, human.Duration(e.Wait)))
			}
		}
		return hub.New(opt)
	})
}

// query matches the query of an address, which may be a signature.
var query = regexp.MustCompile(`(?i)(https?://[^\s?#]*)[?#]\S*`)

// withoutQueries returns words as they may be shown and kept.
func withoutQueries(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = query.ReplaceAllString(w, "$1")
	}
	return out
}
