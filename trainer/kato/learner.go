package kato

// A Learner has a KATO server learn.
type Learner struct{ options Options }

// New returns a learner of a run that begins. It asks the server nothing yet. The
// error is a *local.OptionError if it is the options'.
func New(options Options) (*Learner, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	return &Learner{options: options}, nil
}
