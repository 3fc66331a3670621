package kato

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// openSession makes a session of a node and returns its id. One whose answer was
// lost stays until the server forgets it.
func (c *client) openSession(ctx context.Context, node string, config map[string]any) (id string, err error) {
	body, err := json.Marshal(map[string]any{"node_id": node, "config": config})
	if err != nil {
		return "", fmt.Errorf("config of a session: %w", err)
	}
	var answer struct {
		ID string `json:"session_id"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: "/sessions", body: body}, &answer)
	if err == nil && answer.ID == "" {
		err = errors.New("the answer has no session_id")
	}
	if err != nil {
		return "", fmt.Errorf("open a session of node %s: %w", node, err)
	}
	return answer.ID, nil
}

// clearSTM empties a session's short-term memory, and what it remembers of the
// metadata of its observations. The error may wrap errNoSession.
func (c *client) clearSTM(ctx context.Context, session string) error {
	if err := c.call(ctx, request{method: http.MethodPost, session: session, path: "/clear-stm"}, nil); err != nil {
		return fmt.Errorf("clear the short-term memory: %w", err)
	}
	return nil
}

// deleteSession ends a session, also one that the server does not know.
func (c *client) deleteSession(ctx context.Context, session string) error {
	err := c.call(ctx, request{method: http.MethodDelete, session: session}, nil)
	if err != nil && !errors.Is(err, errNoSession) {
		return fmt.Errorf("delete a session: %w", err)
	}
	return nil
}

// finalize has the server compute what it derives from all patterns of the
// session's node, and returns how many these are. That may take longer than other
// requests: it may take Waits.Stall. The error may wrap errNoSession.
func (c *client) finalize(ctx context.Context, session string) (processed int64, err error) {
	var answer struct {
		Processed int64 `json:"patterns_processed"`
	}
	r := request{method: http.MethodPost, session: session, path: "/finalize-training", timeout: max(c.waits.Request, c.waits.Stall)}
	if err := c.call(ctx, r, &answer); err != nil {
		return 0, err
	}
	return answer.Processed, nil
}

// frequency asks how often a node has learned the pattern of a name; 0 where it
// knows none. Stored is the node's name as the server stores it.
func (c *client) frequency(ctx context.Context, node, name string) (n int64, stored string, err error) {
	var answer struct {
		Pattern struct {
			Status  string
			Pattern struct{ Frequency *int64 }
		}
		Node string `json:"node_id"`
	}
	err = c.call(ctx, request{method: http.MethodGet, path: "/pattern/" + name, query: url.Values{"node_id": {node}}.Encode()}, &answer)
	frequency := answer.Pattern.Pattern.Frequency
	switch {
	case err != nil:
	case answer.Pattern.Status == "error":
		return 0, answer.Node, nil
	case answer.Pattern.Status != "okay" || frequency == nil:
		err = fmt.Errorf("the answer has status %q and no frequency", answer.Pattern.Status)
	default:
		return *frequency, answer.Node, nil
	}
	return 0, "", fmt.Errorf("look up %s of node %s: %w", name, node, err)
}

// call sends a request that may be sent twice until it is answered, and decodes
// the answer, if there is something to decode it into.
func (c *client) call(ctx context.Context, r request, answer any) error {
	if r.timeout == 0 {
		r.timeout = c.waits.Request
	}
	var body bytes.Buffer
	return c.retry(ctx, func() error {
		body.Reset()
		if err := c.send(ctx, r, &body); err != nil || answer == nil {
			return err
		}
		if err := json.Unmarshal(body.Bytes(), answer); err != nil {
			return undecodable(err)
		}
		return nil
	})
}

// undecodable is the error for an answer of status 200 that is none of KATO's:
// whoever gave it, what the server did is not known.
func undecodable(err error) error {
	return &lostError{Status: http.StatusOK, Err: fmt.Errorf("undecodable answer: %w", err)}
}
