package katotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

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

// Requests returns how many requests of a kind the server got.
func (s *Server) Requests(kind Kind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[kind]
}

// AllRequests returns how many requests the server got, by kind.
func (s *Server) AllRequests() map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Restarts returns how often the server restarted by itself.
func (s *Server) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts
}

// Peak returns the most connections that were open at once. One that its client has
// closed counts until the server sees it.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Connections returns how many are open now. Where there are none of a client that
// is gone, nothing that it has sent is still to be processed.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boot == nil {
		return 0
	}
	return s.boot.open
}

// Hanging returns how many requests hang now.
func (s *Server) Hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hanging
}

// Sessions returns how many sessions there are.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}
