package katotest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// ttl is how long a session lives after its last request, in seconds, if it was
// not made with another.
const ttl = 3600

// timeFormat is how the server writes times, in UTC.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// A session is what the server keeps for a client between its requests.
type session struct {
	id       string
	nodeID   string // as the client calls it
	stored   string // as the server does
	made     time.Time
	expires  time.Time
	ttl      int // seconds
	metadata map[string]any
	config   map[string]any

	memory  [][]string          // the short-term memory: events of one symbol or more
	carried map[string][]string // the metadata observed since the memory was last cleared by clear-stm, learns or not
	time    int                 // observations since then
}

// session finds a session that has not expired. It is called with mu held.
func (s *Server) session(id string) (*session, bool) {
	session := s.sessions[id]
	if session == nil {
		return nil, false
	}
	if !s.now().Before(session.expires) {
		delete(s.sessions, id)
		return nil, false
	}
	return session, true
}

func (x *session) extend(now time.Time) { x.expires = now.Add(time.Duration(x.ttl) * time.Second) }

// clear forgets the short-term memory and what came with it.
func (x *session) clear() { x.memory, x.carried, x.time = nil, nil, 0 }

func (x *session) answer(now time.Time) answer {
	config := maps.Clone(defaults)
	for key, value := range x.config {
		if value != nil {
			config[key] = value
		}
	}
	return okay(object{
		"session_id": x.id, "node_id": x.nodeID, "created_at": x.made.UTC().Format(timeFormat), "expires_at": x.expires.UTC().Format(timeFormat),
		"ttl_seconds": max(0, int(x.expires.Sub(now).Seconds())), "metadata": x.metadata, "session_config": config,
	})
}

// create makes a session.
func (s *Server) create(c *call) answer {
	fields, wrong := unmarshal(c.body)
	if wrong != nil {
		return *wrong
	}
	if _, given := fields["node_id"]; !given {
		return *invalid("missing", "Field required", "node_id")
	}
	id, ok := field[string](fields, "node_id")
	if !ok {
		return *invalid("string_type", "Input should be a valid string", "node_id")
	}
	for _, key := range []string{"metadata", "config", "ttl_seconds"} {
		if fields[key] == nil {
			delete(fields, key) // null is the default
		}
	}
	metadata, ok := field[map[string]any](fields, "metadata")
	if !ok {
		return *invalid("dict_type", "Input should be a valid dictionary", "metadata")
	}
	config, ok := field[map[string]any](fields, "config")
	if !ok {
		return *invalid("dict_type", "Input should be a valid dictionary", "config")
	}
	seconds, ok := field[json.Number](fields, "ttl_seconds")
	lives, err := seconds.Int64()
	if !ok || seconds != "" && err != nil {
		return *invalid("int_type", "Input should be a valid integer", "ttl_seconds")
	}
	// The real server says nothing of settings that are not possible: none of them
	// is taken, as its answer shows.
	if len(check(config, true)) > 0 {
		config = nil
	}
	var random [16]byte
	rand.Read(random[:])
	now := s.now()
	x := &session{
		id:       fmt.Sprintf("session-%s-%d", hex.EncodeToString(random[:]), now.UnixMilli()),
		nodeID:   id,
		stored:   StoredName(id),
		made:     now,
		ttl:      ttl,
		metadata: metadata,
		config:   make(map[string]any),
	}
	if lives > 0 {
		x.ttl = int(lives)
	}
	if x.metadata == nil {
		x.metadata = make(map[string]any)
	}
	x.set(config)
	x.extend(now)
	s.sessions[x.id] = x
	s.nodeOf(x.stored)
	return x.answer(now)
}

// configure changes a session's settings.
func (s *Server) configure(c *call, x *session) answer {
	config, wrong := unmarshal(c.body)
	if wrong != nil {
		return *wrong
	}
	if _, given := config["config"]; given {
		var ok bool
		if config, ok = field[map[string]any](config, "config"); !ok {
			return *invalid("dict_type", "Input should be a valid dictionary", "config")
		}
	}
	if errors := check(config, false); len(errors) > 0 {
		return refuse(http.StatusBadRequest, object{"error": "Configuration validation failed", "validation_errors": errors})
	}
	if matching, ok := config["use_token_matching"]; ok {
		if _, ok := config["sort_symbols"]; !ok {
			config["sort_symbols"] = matching
		}
	}
	x.set(config)
	return okay(object{"status": "okay", "message": "Configuration updated", "session_id": x.id})
}

// defaults are the settings of a session that was given none.
var defaults = map[string]any{
	"max_pattern_length":  0,
	"persistence":         5,
	"recall_threshold":    0.1,
	"stm_mode":            "CLEAR",
	"indexer_type":        "VI",
	"max_predictions":     100,
	"sort_symbols":        true,
	"process_predictions": true,
	"use_token_matching":  true,
	"rank_sort_algo":      "potential",
}

// set takes over settings that were checked; those that it does not know are
// ignored.
func (x *session) set(config map[string]any) {
	for key, value := range config {
		if _, ok := defaults[key]; !ok {
			continue
		}
		if key == "stm_mode" && value != "ROLLING" {
			value = "CLEAR"
		}
		x.config[key] = value
	}
}

// check returns what is wrong with settings, by key. Null is the default where that
// is allowed.
func check(config map[string]any, null bool) map[string]string {
	wrong := make(map[string]string)
	for key, value := range config {
		if value == nil && null {
			continue
		}
		if problem := checkOne(key, value); problem != "" {
			wrong[key] = problem
		}
	}
	return wrong
}

var indexers = []string{"VI", "LSH", "ANNOY", "FAISS"}

func checkOne(key string, value any) string {
	text, isText := value.(string)
	_, isBool := value.(bool)
	switch key {
	case "recall_threshold":
		if n, ok := value.(json.Number); !ok || !within(n, 0, 1) {
			return "Must be a number between 0.0 and 1.0"
		}
	case "persistence":
		if !integer(value, 1, 100) {
			return "Must be an integer between 1 and 100"
		}
	case "max_pattern_length":
		if !integer(value, 0, 1<<53) {
			return "Must be a non-negative integer"
		}
	case "max_predictions":
		if !integer(value, 1, 10000) {
			return "Must be an integer between 1 and 10000"
		}
	case "indexer_type":
		if !isText || !slices.Contains(indexers, text) {
			return "Must be one of: VI, LSH, ANNOY, FAISS"
		}
	case "stm_mode":
		if !isText {
			return "Must be a string"
		}
	case "sort", "process_predictions", "use_token_matching":
		if !isBool {
			return "Must be a boolean (true/false)"
		}
	}
	return ""
}

func within(n json.Number, low, high float64) bool {
	f, err := n.Float64()
	return err == nil && f >= low && f <= high
}

// integer reports whether a value is a whole number as JSON writes one.
func integer(value any, low, high int64) bool {
	n, ok := value.(json.Number)
	if !ok {
		return false
	}
	i, err := n.Int64()
	return err == nil && i >= low && i <= high
}
