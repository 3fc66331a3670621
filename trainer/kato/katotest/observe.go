package katotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// observe takes up a sequence in a session's memory, and learns.
func (s *Server) observe(c *call, x *session) answer {
	for _, symbol := range c.fault.Dirty {
		x.memory = append(x.memory, []string{symbol})
	}
	n := s.nodeOf(x.stored)
	initial := len(x.memory)
	learned := []string{} // by the way, and at the end
	limit := x.limit()
	results := make([]byte, 0, 160*len(c.sequence.observations))
	for i, o := range c.sequence.observations {
		if c.sequence.isolated && i > 0 {
			x.memory = nil
		}
		x.perceive(o)
		s.observed++
		auto := ""
		if limit > 0 && len(x.memory) >= limit {
			kept := x.memory
			if auto = s.learn(n, x.memory, x.carried); auto != "" {
				learned = append(learned, auto)
			}
			x.memory = nil
			if x.config["stm_mode"] == "ROLLING" {
				x.memory = slices.Clone(kept[max(1, len(kept)-limit+1):])
			}
		}
		if c.sequence.learnEach && len(x.memory) > 0 {
			learned = append(learned, s.learn(n, x.memory, x.carried))
			x.memory = nil
		}
		results = s.appendResult(results, x, i, o.id, auto)
	}
	var final *string
	if c.sequence.learnEnd && len(x.memory) > 0 && len(c.sequence.observations) > 0 {
		name := s.learn(n, x.memory, x.carried)
		x.memory = nil
		if c.fault.Name != "" {
			name = c.fault.Name
		}
		final, learned = &name, append(learned, name)
	}

	body := make([]byte, 0, len(results)+512)
	body = append(body, `{"status":"completed","processor_id":`...)
	body = appendJSON(body, x.nodeID)
	body = append(body, `,"observations_processed":`...)
	body = strconv.AppendInt(body, int64(len(c.sequence.observations)), 10)
	body = append(body, `,"initial_stm_length":`...)
	body = strconv.AppendInt(body, int64(initial), 10)
	body = append(body, `,"final_stm_length":`...)
	body = strconv.AppendInt(body, int64(len(x.memory)), 10)
	body = append(append(append(body, `,"results":[`...), results...), `],"auto_learned_patterns":[`...)
	for i, name := range learned {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendJSON(body, name)
	}
	body = append(body, `],"final_learned_pattern":`...)
	if final != nil {
		body = appendJSON(body, *final)
	} else {
		body = append(body, "null"...)
	}
	body = append(body, `,"isolated":`...)
	body = strconv.AppendBool(body, c.sequence.isolated)
	return answer{http.StatusOK, append(body, '}')}
}

// limit is how many events are learned without being told; 0 for none.
func (x *session) limit() int {
	n, ok := x.config["max_pattern_length"].(json.Number)
	if !ok {
		return 0
	}
	limit, _ := n.Int64()
	return int(limit)
}

// perceive adds an observation to the memory. One without symbols is no event, but
// its metadata is kept.
func (x *session) perceive(o observation) {
	x.time++
	if len(o.metadata) > 0 {
		if x.carried == nil {
			x.carried = make(map[string][]string)
		}
		for key, value := range o.metadata {
			x.carried[key] = union(x.carried[key], []string{text(value)})
		}
	}
	if len(o.strings) == 0 {
		return
	}
	event := o.strings
	if sorted, ok := x.config["sort_symbols"].(bool); len(event) > 1 && (sorted || !ok) {
		slices.Sort(event)
	}
	x.memory = append(x.memory, event)
}

// text is a value of metadata as Python's str writes it, nested ones as JSON.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "True"
		}
		return "False"
	case nil:
		return "None"
	}
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}

// appendResult appends what is answered of one observation.
func (s *Server) appendResult(dst []byte, x *session, position int, id, auto string) []byte {
	if position > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"status":"okay","sequence_position":`...)
	dst = strconv.AppendInt(dst, int64(position), 10)
	dst = append(dst, `,"stm_length":`...)
	dst = strconv.AppendInt(dst, int64(len(x.memory)), 10)
	dst = append(dst, `,"time":`...)
	dst = strconv.AppendInt(dst, int64(x.time), 10)
	dst = append(dst, `,"unique_id":`...)
	if id == "" {
		dst = fmt.Appendf(dst, `"seq-obs-%032x"`, s.observed)
	} else {
		dst = appendJSON(dst, id)
	}
	dst = append(dst, `,"auto_learned_pattern":`...)
	if auto == "" {
		return append(dst, "null}"...)
	}
	return append(appendJSON(dst, auto), '}')
}

// appendJSON appends a string.
func appendJSON(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b, _ := json.Marshal(s) // a string never fails
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// learnMemory learns a session's memory.
func (s *Server) learnMemory(c *call, x *session) answer {
	if len(x.memory) == 0 {
		return refuse(http.StatusBadRequest, "Cannot learn from empty STM")
	}
	name := s.learn(s.nodeOf(x.stored), x.memory, x.carried)
	x.memory = nil
	if c.fault.Name != "" {
		name = c.fault.Name
	}
	return okay(object{"status": "learned", "pattern_name": name, "session_id": x.id, "message": fmt.Sprintf("Learned pattern %s from 0 events", name)})
}
