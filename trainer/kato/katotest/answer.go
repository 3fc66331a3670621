package katotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// An answer is a status and a JSON value, or a page where the status is 500 or
// more.
type answer struct {
	status int
	body   []byte
}

// failed is the answer of what stands before the server, or of its last resort: no
// JSON.
func failed(status int) answer {
	return answer{status, fmt.Appendf(nil, "<html><body><h1>%d %s</h1></body></html>\n", status, http.StatusText(status))}
}

func (a answer) write(w http.ResponseWriter) {
	if a.status < http.StatusInternalServerError {
		w.Header()["Content-Type"] = contentType
	}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	w.WriteHeader(a.status)
	w.Write(a.body) // a client that is gone needs no answer
}

var contentType = []string{"application/json"}

// object is a JSON object to be answered.
type object map[string]any

func okay(v object) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return failed(http.StatusInternalServerError)
	}
	return answer{http.StatusOK, body}
}

// refuse is an answer with that detail, a string, object or list.
func refuse(status int, detail any) answer {
	body, err := json.Marshal(object{"detail": detail})
	if err != nil {
		return failed(http.StatusInternalServerError)
	}
	return answer{status, body}
}

// invalid refuses a body: where in it something is wrong, and what.
func invalid(problem, message string, where ...any) *answer {
	a := refuse(http.StatusUnprocessableEntity, []object{{"type": problem, "loc": append([]any{"body"}, where...), "msg": message}})
	return &a
}
