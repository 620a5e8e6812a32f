package main

import (
	"errors"
	"fmt"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

// TestWhatIsHeldElsewhereEndsWithItsCode proves that a scheduler can tell a start that came too early from one that failed.
func TestWhatIsHeldElsewhereEndsWithItsCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{&pipeline.HeldError{Pipeline: "p"}, exitHeld},
		{pipeline.ErrFenced, exitHeld},
		{state.ErrUpgrading, exitHeld},
		{errors.New("other"), exitFailed},
	} {
		if code := exitCode(fmt.Errorf("migrate state: %w", c.err)); code != c.code {
			t.Errorf("%v ends with code %d, want %d", c.err, code, c.code)
		}
	}
}
