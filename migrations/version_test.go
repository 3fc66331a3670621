package migrations

import (
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	if err := Check(Current); err != nil {
		t.Errorf("Check(Current) = %v", err)
	}
	var newer *NewerError
	if err := Check(Current + 1); !errors.As(err, &newer) || *newer != (NewerError{Current + 1, Current}) {
		t.Errorf("Check of a newer one = %v", err)
	} else if want := "this ledger has format 2; this program knows formats up to 1: use a newer version of it"; strings.ReplaceAll(err.Error(), ",", ";") != want {
		t.Errorf("%v", err)
	}
	var older *OlderError
	if err := check(2, 5); !errors.As(err, &older) || *older != (OlderError{2, 5}) {
		t.Errorf("check of an older one = %v", err)
	}
	if err := Check(0); err == nil || errors.As(err, &older) || errors.As(err, &newer) {
		t.Errorf("Check(0) = %v, want an error of no type", err)
	}
}

// The number is written into every ledger there is: it changes with a step.
func TestCurrent(t *testing.T) {
	if Current != 1 {
		t.Errorf("Current = %d: is there a step that leads there, and its test?", Current)
	}
}
