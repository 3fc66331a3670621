package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ckptledger/stream/hub"
)

// This file finds out which files of a dataset on the hub a config and split
// mean, by the rules of the hub's own library: what the dataset's card says,
// else what the names of files and folders say.

// A part is what a config and split mean: patterns, or names that speak for
// themselves.
type part struct {
	config, split string
	folder        string   // that the files lie in; empty for the whole repo
	patterns      []string // of paths within the repo; nil: go by their names
}

// card is what a dataset's card says of its files.
type card struct {
	Configs []cardConfig
}

type cardConfig struct {
	Name    string    `json:"config_name"`
	Files   cardFiles `json:"data_files"`
	Folder  string    `json:"data_dir"`
	Default bool      `json:"default"`
}

// cardFiles are the patterns of each split. They are written in three ways: one
// pattern, a list of them, or a list of splits with the patterns of each.
type cardFiles []cardSplit

type cardSplit struct {
	Split string
	Path  oneOrMany
}

type oneOrMany []string

func (m *oneOrMany) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*m = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(m))
}

func (f *cardFiles) UnmarshalJSON(data []byte) error {
	var all oneOrMany
	if json.Unmarshal(data, &all) == nil {
		*f = cardFiles{{Split: trainSplit, Path: all}}
		return nil
	}
	return json.Unmarshal(data, (*[]cardSplit)(f))
}

const trainSplit = "train"

// parseCard reads a card, which is JSON or nil. An error is of its list of configs:
// without that, other files would be read than are meant. What is no list, the hub
// makes nothing of either.
func parseCard(data []byte) (c card, err error) {
	var raw struct{ Configs json.RawMessage }
	if json.Unmarshal(data, &raw) != nil || !bytes.HasPrefix(raw.Configs, []byte("[")) {
		return c, nil
	}
	err = json.Unmarshal(raw.Configs, &c.Configs)
	return c, err
}

// choosePart returns what name means by the dataset's card, which is JSON or nil.
func choosePart(name hubName, data []byte) (part, error) {
	p := part{config: name.config, split: name.split}
	if p.split == "" {
		p.split = trainSplit
	}
	c, err := parseCard(data)
	if err != nil {
		return p, &KeyError{name.key(), fmt.Sprintf("what its card says of its files cannot be read (%v): download them, and give them by --data", err)}
	}
	if len(c.Configs) == 0 {
		if name.config != "default" { // what the hub calls all of such a dataset
			p.folder = name.config // a folder's name, if it is anything
		}
		return p, nil
	}
	config, err := c.choose(name)
	if err != nil {
		return p, err
	}
	p.config, p.folder = config.Name, path.Clean(config.Folder)
	if p.folder == "." {
		p.folder = ""
	}
	if len(config.Files) == 0 {
		return p, nil
	}
	var splits []string
	for _, s := range config.Files {
		if s.Split == p.split {
			for _, pattern := range s.Path {
				p.patterns = append(p.patterns, path.Join(p.folder, pattern))
			}
		}
		splits = append(splits, s.Split)
	}
	if p.patterns == nil {
		return p, &KeyError{name.key(), fmt.Sprintf("config %s has no split %s; it has %s", config.Name, p.split, someOf(splits))}
	}
	return p, nil
}

// choose returns the config that was named, or the one that goes without saying.
func (c card) choose(name hubName) (cardConfig, error) {
	var names []string
	for _, config := range c.Configs {
		if name.config == config.Name || name.config == "" && (config.Default || len(c.Configs) == 1) {
			return config, nil
		}
		names = append(names, config.Name)
	}
	if i := slices.Index(names, "default"); i >= 0 && name.config == "" {
		return c.Configs[i], nil
	}
	if name.config == "" {
		return cardConfig{}, &KeyError{name.key(), fmt.Sprintf("it has several configs, name one behind a colon: %s", someOf(names))}
	}
	return cardConfig{}, &KeyError{name.key(), fmt.Sprintf("it has no config %s; it has %s", name.config, someOf(names))}
}

// someOf lists names, not too many.
func someOf(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// dir is the folder that all files of the part lie in.
func (p part) dir() string {
	if p.patterns == nil {
		return p.folder
	}
	dirs := make([]string, len(p.patterns))
	for i, pattern := range p.patterns {
		literal := pattern
		if j := strings.IndexAny(pattern, "*?["); j >= 0 {
			literal = pattern[:j]
		}
		dirs[i] = literal[:strings.LastIndex(literal, "/")+1]
	}
	common := dirs[0]
	for _, d := range dirs[1:] {
		for !strings.HasPrefix(d, common) {
			common = common[:strings.LastIndex(strings.TrimSuffix(common, "/"), "/")+1]
		}
	}
	return strings.TrimSuffix(common, "/")
}

// choose returns the files of the part, in order, and their format. Of files of
// several formats it takes those of the one that most have.
func (p part) choose(files []hub.File) (chosen []hub.File, kind string, err error) {
	if p.patterns != nil {
		chosen, err = p.matching(files)
	} else {
		chosen = p.named(files)
	}
	if err != nil {
		return nil, "", err
	}
	count := map[string]int{}
	for _, f := range chosen {
		count[hubKind(f.Path)]++
	}
	delete(count, "")
	for k, n := range count {
		if n > count[kind] || n == count[kind] && k > kind {
			kind = k
		}
	}
	chosen = slices.DeleteFunc(chosen, func(f hub.File) bool { return hubKind(f.Path) != kind })
	if kind == "" {
		return nil, "", fmt.Errorf("%w: split %s has no file of Parquet, JSONL or plain text, as they lie or packed by gzip or zstd", ErrNoData, p.split)
	}
	return chosen, kind, nil
}

// hubKind is kindOf for files of the hub, where .json is one object a line.
func hubKind(name string) string {
	if stem, packing := splitPacking(strings.ToLower(name)); strings.HasSuffix(stem, ".json") {
		return formatJSONL + packing.ext
	}
	return kindOf(name)
}

// matching returns the files that a pattern means, those of the first pattern
// first.
func (p part) matching(files []hub.File) ([]hub.File, error) {
	var chosen []hub.File
	taken := make(map[string]bool)
	for _, pattern := range p.patterns {
		for _, f := range files {
			ok, err := matchPath(pattern, f.Path)
			if err != nil {
				return nil, fmt.Errorf("pattern %q of the dataset's card: %w", pattern, err)
			}
			if ok && !taken[f.Path] {
				chosen = append(chosen, f)
				taken[f.Path] = true
			}
		}
	}
	return chosen, nil
}

// matchPath is path.Match, with ** for any number of folders. Who wrote the pattern
// need not mean well: only the last ** is tried again, which is enough.
func matchPath(pattern, name string) (bool, error) {
	patterns, names := strings.Split(pattern, "/"), strings.Split(name, "/")
	last, from := -1, 0 // the ** that was met last, and the name that follows on what it stands for
	for i, j := 0, 0; ; {
		switch {
		case i == len(patterns) && j == len(names):
			return true, nil
		case j == len(names):
			return false, nil
		case i < len(patterns) && patterns[i] == "**":
			if last, from = i, j; i == len(patterns)-1 {
				return true, nil
			}
			i++
			continue
		case i < len(patterns):
			ok, err := path.Match(patterns[i], names[j])
			if err != nil {
				return false, err
			}
			if ok {
				i, j = i+1, j+1
				continue
			}
		}
		if last < 0 {
			return false, nil
		}
		from++
		i, j = last+1, from
	}
}

// keywords are the names that a split goes by.
var keywords = map[string][]string{
	trainSplit:   {"train", "training"},
	"validation": {"validation", "valid", "dev", "val"},
	"test":       {"test", "testing", "eval", "evaluation"},
}

// keywordsOf returns the names of a split; of one that is not known, its own.
func keywordsOf(split string) []string {
	if words, ok := keywords[split]; ok {
		return words
	}
	return []string{split}
}

// named goes by the names of files and folders. The first rule that says
// anything of any file counts for all: shards in the folder data, folders that
// are called as a split, files that are. Where none does, all is for training.
func (p part) named(files []hub.File) []hub.File {
	var data []hub.File
	for _, f := range files {
		if isDataFile(f.Path) && (p.folder == "" || strings.HasPrefix(f.Path, p.folder+"/")) {
			data = append(data, f)
		}
	}
	for _, rule := range []func(name, word string) bool{isShard, inFolder, hasWord} {
		var chosen []hub.File
		speaks := false
		for _, f := range data {
			name := strings.TrimPrefix(strings.TrimPrefix(f.Path, p.folder), "/")
			for split := range keywords {
				for _, word := range keywords[split] {
					speaks = speaks || rule(name, word)
				}
			}
			for _, word := range keywordsOf(p.split) {
				if rule(name, word) {
					chosen = append(chosen, f)
					break
				}
			}
		}
		if speaks || chosen != nil {
			return chosen
		}
	}
	if p.split == trainSplit {
		return data
	}
	return nil
}

// isDataFile leaves out what is hidden, and what tells of a dataset rather than
// being it.
func isDataFile(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "__") {
			return false
		}
	}
	switch path.Base(name) {
	case "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "README.txt":
		return false
	}
	return hubKind(name) != ""
}

var shardName = regexp.MustCompile(`^data/(.+)-[0-9]{5}-of-[0-9]{5}[^/]*$`)

func isShard(name, word string) bool {
	m := shardName.FindStringSubmatch(name)
	return m != nil && m[1] == word
}

var shardOf = regexp.MustCompile(`^(.*?)([0-9]{5})-of-([0-9]{5})(.*)$`)

// missingShards returns the files that are not there although the names of
// others count them, as train-00001-of-00002.parquet does.
func (p part) missingShards(files []hub.File) []string {
	type set struct {
		tail string // of one of them
		have map[int]bool
	}
	sets := map[[2]string]set{}
	for _, f := range files {
		m := shardOf.FindStringSubmatch(f.Path)
		if m == nil {
			continue
		}
		key := [2]string{m[1], m[3]}
		s := sets[key]
		if s.have == nil {
			s = set{tail: m[4], have: map[int]bool{}}
			sets[key] = s
		}
		n, _ := strconv.Atoi(m[2]) // five digits
		s.have[n] = true
	}
	var missing []string
	for key, s := range sets {
		count, _ := strconv.Atoi(key[1])
		for n := range count {
			f := hub.File{Path: fmt.Sprintf("%s%05d-of-%s%s", key[0], n, key[1], s.tail)}
			if s.have[n] {
				continue
			}
			// A pattern may mean some of them.
			if wanted, err := p.matching([]hub.File{f}); p.patterns == nil || err == nil && len(wanted) > 0 {
				missing = append(missing, f.Path)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func inFolder(name, word string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(folder string) bool { return isWord(folder, word) })
}

func hasWord(name, word string) bool { return isWord(path.Base(name), word) }

// isWord reports whether word stands in s with no letter beside it.
func isWord(s, word string) bool {
	s = strings.ToLower(s)
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !isLetter(s[i-1])) && (end == len(s) || !isLetter(s[end])) {
			return true
		}
		from = i + 1
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }
