package stream

import (
	"fmt"
	"strings"
)

// hubPrefix begins the key of a dataset that is named by where it lies on the
// hub.
const hubPrefix = "hf:"

// A KeyError says that a dataset's name is none.
type KeyError struct {
	Name   string
	Reason string // what is wrong, and how to write it
}

func (e *KeyError) Error() string { return fmt.Sprintf("dataset %q: %s", e.Name, e.Reason) }

const hubGrammar = "write hf:owner/name, hf:owner/name:config or hf:owner/name@revision:config/split"

// ParseDataset takes apart how people name a dataset. The revision, which may
// stand in the name of one on the hub (hf:owner/name@revision:config/split),
// belongs to the source and is no part of the dataset's key. Names that do not
// begin with hf: are keys as they are.
func ParseDataset(name string) (key, revision string, err error) {
	if !strings.HasPrefix(name, hubPrefix) {
		return name, "", nil
	}
	h, err := parseHubName(name)
	return h.key(), h.revision, err
}

// AtRevision puts a revision back into the key of a dataset on the hub. Other
// datasets have none.
func AtRevision(key, revision string) string {
	repo, part, hasPart := strings.Cut(strings.TrimPrefix(key, hubPrefix), ":")
	if !strings.HasPrefix(key, hubPrefix) || revision == "" {
		return key
	}
	key = hubPrefix + repo + "@" + revision
	if hasPart {
		key += ":" + part
	}
	return key
}

// A hubName is a dataset's name, taken apart.
type hubName struct{ repo, revision, config, split string }

func parseHubName(name string) (h hubName, err error) {
	left, part, hasPart := strings.Cut(strings.TrimPrefix(name, hubPrefix), ":")
	var hasRevision, hasSplit bool
	h.repo, h.revision, hasRevision = strings.Cut(left, "@")
	h.config, h.split, hasSplit = strings.Cut(part, "/")
	switch {
	case h.revision == "latest":
		err = &KeyError{name, "@latest names the latest run of a dataset and is never a revision; a branch is @main"}
	case strings.Contains(part, "@"):
		err = &KeyError{name, "the revision stands behind the name: " + hubGrammar}
	case strings.Trim(h.repo, "/") != h.repo || strings.Count(h.repo, "/") > 1 || h.repo == "",
		hasRevision && h.revision == "", hasPart && h.config == "", hasSplit && h.split == "", strings.Contains(h.split, "/"):
		err = &KeyError{name, hubGrammar}
	}
	return h, err
}

// key is the name without the revision.
func (h hubName) key() string {
	key := hubPrefix + h.repo
	if h.config != "" {
		key += ":" + h.config
	}
	if h.split != "" {
		key += "/" + h.split
	}
	return key
}
