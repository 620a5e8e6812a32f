package pipeline

import (
	"testing"
	"time"
)

// TestUnsent proves that a row is said not to have been sent only where no request may have carried it.
func TestUnsent(t *testing.T) {
	now := time.Unix(1, 0)
	for name, c := range map[string]struct {
		memory Memory
		want   bool
	}{
		"refused before":        {Memory{Decided: now, Rejects: []DeadLetter{{Code: "key_collision"}}}, true},
		"nothing left to write": {Memory{Decided: now}, true},
		"answered":              {Memory{Decided: now, Answer: Answer{Text: "200"}}, false},
		"read back":             {Memory{Decided: now, Answer: Answer{Text: "200" + ReadBack}}, false},
		"never answered":        {Memory{Decided: now, Rejects: []DeadLetter{{Code: codeNoAnswer}}}, false},
		"held for a person":     {Memory{Decided: now, Entry: Entry{Held: true}}, false},
		"may still land":        {Memory{Decided: now, Attempts: []Doubt{{}}}, false},
		"of an older Sluice, which didn't note it": {Memory{}, false},
	} {
		if got := c.memory.unsent(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
