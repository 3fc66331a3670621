package katotest

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A node is what was learned under one name.
type node struct {
	patterns  map[string]*pattern // by hash in hex, without PTRN|
	finalized int
}

// A pattern is what a node knows of one sequence of events.
type pattern struct {
	events    [][]string
	frequency int
	visible   time.Time // from when on it can be seen
	hidden    bool      // it never can
	metadata  map[string][]string
}

// storable replaces the characters that the databases behind the server do not bear.
var storable = func() *strings.Replacer {
	var pairs []string
	for _, c := range `/\."$*<>:|?- ` {
		pairs = append(pairs, string(c), "_")
	}
	return strings.NewReplacer(pairs...)
}()

// StoredName is what the server calls the node that a client calls so: characters
// that a database does not bear replaced, cut to 60 code points with a piece of its
// MD5, and with the server's own name behind it.
func StoredName(node string) string {
	const (
		service = "_kato"
		longest = 60
		digits  = 8
	)
	safe := storable.Replace(node)
	runes := []rune(safe)
	if len(runes)+len(service) > longest {
		sum := md5.Sum([]byte(safe))
		safe = string(runes[:longest-len(service)-1-digits]) + "_" + hex.EncodeToString(sum[:])[:digits]
	}
	return safe + service
}

// node finds a node by either name, or nil. It is called with mu held.
func (s *Server) node(name string) *node {
	if n := s.nodes[name]; n != nil {
		return n
	}
	return s.nodes[StoredName(name)]
}

// nodeOf finds a node by its stored name, or makes it. It is called with mu held.
func (s *Server) nodeOf(stored string) *node {
	n := s.nodes[stored]
	if n == nil {
		n = &node{patterns: make(map[string]*pattern)}
		s.nodes[stored] = n
	}
	return n
}

// learn counts a sequence of events and returns its name, or "" for fewer than two
// symbols, which are not learned. It is called with mu held.
func (s *Server) learn(n *node, events [][]string, metadata map[string][]string) string {
	symbols := 0
	for _, e := range events {
		symbols += len(e)
	}
	if symbols < 2 {
		return ""
	}
	s.scratch = appendEvents(s.scratch[:0], events)
	sum := sha1.Sum(s.scratch)
	name := "PTRN|" + hex.EncodeToString(sum[:])
	p := n.patterns[name[len("PTRN|"):]]
	if p == nil {
		p = &pattern{events: events, visible: s.now().Add(s.options.Visible)}
		n.patterns[name[len("PTRN|"):]] = p
	}
	p.frequency++
	for key, values := range metadata {
		if p.metadata == nil {
			p.metadata = make(map[string][]string)
		}
		p.metadata[key] = union(p.metadata[key], values)
	}
	return name
}

// union returns the values of either list, each once, in order.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// see finds a pattern that can be seen now, or nil. It is called with mu held.
func (s *Server) see(n *node, name string) *pattern {
	if n == nil {
		return nil
	}
	p := n.patterns[strings.TrimPrefix(name, "PTRN|")]
	if p == nil || p.hidden || s.now().Before(p.visible) {
		return nil
	}
	return p
}

// Learn has a node learn the symbols, one an event, as another client would, and
// returns the pattern's name: "" for fewer than two symbols.
func (s *Server) Learn(node string, symbols ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	symbols = slices.Clone(symbols)
	events := make([][]string, len(symbols))
	for i := range symbols {
		events[i] = symbols[i : i+1 : i+1]
	}
	return s.learn(s.nodeOf(StoredName(node)), events, nil)
}

// Wipe forgets all that was learned. Sessions stay.
func (s *Server) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.nodes)
}

// Hide makes a pattern one that was counted and never stored, as a hard crash
// leaves it: it is learned on, and not to be seen. Unknown ones are an error.
func (s *Server) Hide(node, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.node(node); n != nil {
		if p := n.patterns[strings.TrimPrefix(name, "PTRN|")]; p != nil {
			p.hidden = true
			return nil
		}
	}
	return fmt.Errorf("katotest: node %s has not learned %s", node, name)
}

// Nodes returns the stored names of the nodes that sessions were made for or that
// learned something, in order.
func (s *Server) Nodes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.nodes))
}

// Frequencies returns how often a node learned each pattern, by name, also of those
// that cannot be seen. It is empty for an unknown node.
func (s *Server) Frequencies(node string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	frequencies := make(map[string]int)
	if n := s.node(node); n != nil {
		for hash, p := range n.patterns {
			frequencies["PTRN|"+hash] = p.frequency
		}
	}
	return frequencies
}

// Metadata returns the metadata of a pattern: for each key its values, in order. It
// is empty for one that is unknown.
func (s *Server) Metadata(node, name string) map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	metadata := make(map[string][]string)
	if n := s.node(node); n != nil {
		if p := n.patterns[strings.TrimPrefix(name, "PTRN|")]; p != nil {
			for key, values := range p.metadata {
				metadata[key] = slices.Clone(values)
			}
		}
	}
	return metadata
}

// Finalized returns how often the training of a node was finalized.
func (s *Server) Finalized(node string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.node(node); n != nil {
		return n.finalized
	}
	return 0
}
