package cmdline

// A Code is what a program exits with. Scripts branch on it, so the numbers
// never change.
type Code int

// The exit codes.
const (
	OK              Code = 0
	Failed          Code = 1
	Usage           Code = 2
	NothingToResume Code = 10
	ConfigMismatch  Code = 11
	Ambiguous       Code = 12
	RunInUse        Code = 13
	DataChanged     Code = 14
	Damaged         Code = 15
	NewerFormat     Code = 16
	Interrupted     Code = 130
)

var codes = map[Code]struct{ kind, text string }{
	OK:              {"ok", "done"},
	Failed:          {"failed", "failed"},
	Usage:           {"usage", "wrong usage"},
	NothingToResume: {"nothing_to_resume", "nothing to resume"},
	ConfigMismatch:  {"config_mismatch", "the configuration differs"},
	Ambiguous:       {"ambiguous", "more than one run fits"},
	RunInUse:        {"run_in_use", "the run is in use"},
	DataChanged:     {"data_changed", "the data changed, or what a server knows"},
	Damaged:         {"damaged", "damaged"},
	NewerFormat:     {"newer_format", "the ledger has a newer format"},
	Interrupted:     {"interrupted", "interrupted, with the snapshot committed"},
}

// Kind returns the code's name in JSON, as "config_mismatch".
func (c Code) Kind() string { return codes[c].kind }

// String returns the code in words, as help lists it.
func (c Code) String() string { return codes[c].text }
