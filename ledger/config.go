package ledger

// Config is everything that decides what a model becomes: learner, its version
// and parameters, method, filter, order, text field, and what the user added.
// Values are those of encoding/json: string, float64, bool, nil, []any and
// map[string]any.
type Config map[string]any
