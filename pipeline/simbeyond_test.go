package pipeline_test

import (
	"strings"
	"testing"
)

// TestBeyondLanding breaks an assumption on purpose: requests take effect after Limits.Landing, when the engine has
// sent others in their place. Then a record may hold an older row's content, as RELIABILITY.md says (and the oracle sees
// it, or it couldn't see anything); but no record is made twice, as long as the destination keeps a value unique, and no
// run is stuck, loses count of its rows, or sends without having written down what.
func TestBeyondLanding(t *testing.T) {
	stale := 0
	bubble(t, func(t *testing.T) {
		for seed := range uint64(500) {
			w := newWorld(seed)
			w.tooLate = true
			w.hub.limits.CreateOnly, w.hub.limits.Unkeyed, w.hub.limits.Inline, w.hub.limits.Match = false, false, false, "id"
			w.play()
			for _, broken := range w.broken {
				what := broken[strings.Index(broken, ": ")+2:]
				switch {
				case strings.HasPrefix(what, "I4"), strings.HasPrefix(what, "I2") && strings.Contains(what, "holds something else"):
					stale++
				case strings.HasPrefix(what, "I1"), strings.HasPrefix(what, "I3"), strings.HasPrefix(what, "I5"), strings.HasPrefix(what, "I6"),
					strings.HasPrefix(what, "I7"), strings.HasPrefix(what, "I8"), strings.HasPrefix(what, "I19"):
					t.Errorf("seed %d: %s", seed, broken)
				}
			}
		}
	})
	if stale < 5 {
		t.Errorf("a stale write was noticed %d times: the oracle sees too little", stale)
	}
}
