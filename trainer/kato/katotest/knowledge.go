package katotest

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
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

// nodeID is the node whose pattern a request asks for.
func (c *call) nodeID() string {
	if query := c.request.URL.Query(); query.Has("node_id") {
		return query.Get("node_id")
	}
	if id := c.request.Header.Get("X-Node-Id"); id != "" {
		return id
	}
	return "default_node"
}

func (s *Server) getPattern(c *call) answer {
	stored := StoredName(c.nodeID())
	p := s.see(s.nodes[stored], c.name)
	if p == nil {
		return okay(object{"node_id": stored, "pattern": object{"status": "error", "message": fmt.Sprintf("Pattern %s not found", c.name)}})
	}
	length := 0
	for _, e := range p.events {
		length += len(e)
	}
	known := object{"name": "PTRN|" + strings.TrimPrefix(c.name, "PTRN|"), "pattern_data": p.events, "length": length, "frequency": p.frequency}
	if len(p.metadata) > 0 {
		known["metadata"] = p.metadata
	}
	return okay(object{"node_id": stored, "pattern": object{"status": "okay", "pattern": known}})
}

func (s *Server) finalize(session *session) answer {
	n := s.nodeOf(session.stored)
	n.finalized++
	return okay(object{
		"status": "completed", "patterns_processed": len(n.patterns), "time_ms": 1.0, "session_id": session.id, "node_id": session.nodeID,
		"message": fmt.Sprintf("Computed Shannon entropy and TF vectors for %d patterns in 1.0ms", len(n.patterns)),
	})
}
