package pipeline_test

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
)

var (
	seeds = flag.Int("seeds", 300, "how many seeds TestSimulation plays")
	from  = flag.Uint64("from", 0, "the first seed")
)

// chunk is how many seeds are played in one bubble: the end of a bubble costs more than a seed.
const chunk = 250

// TestSimulation plays seeds: whatever goes wrong, the invariants of DESIGN section 5 hold at every step and at the end.
func TestSimulation(t *testing.T) {
	counts := map[string]int{}
	for first := 0; first < *seeds; first += chunk {
		bubble(t, func(t *testing.T) {
			for n := first; n < min(first+chunk, *seeds) && !t.Failed(); n++ {
				playSeed(t, *from+uint64(n), counts)
			}
		})
		if t.Failed() {
			return
		}
	}
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%7d %s", counts[state], state)
	}
}

// playSeed plays one seed and adds what it met to counts.
func playSeed(t *testing.T, seed uint64, counts map[string]int) {
	w := newWorld(seed)
	if *seeds == 1 {
		w.s.log = &strings.Builder{}
	}
	w.play()
	for state, n := range w.counts {
		counts[state] += n
	}
	if len(w.broken) == 0 {
		return
	}
	if w.s.log != nil {
		t.Log("\n" + w.s.log.String())
	}
	t.Errorf("seed %d:\n%s\nreplay: go test ./pipeline -run 'TestSimulation$' -seeds 1 -from %d -v", seed, strings.Join(w.broken, "\n"), seed)
}

// TestSeedsReplay proves that a seed is played the same way every time: what happens, when, and in which order.
func TestSeedsReplay(t *testing.T) {
	for seed := range uint64(100) {
		var logs [2]string
		for i := range logs {
			bubble(t, func(t *testing.T) {
				w := newWorld(seed)
				w.s.log = &strings.Builder{}
				w.play()
				logs[i] = w.s.log.String()
			})
		}
		if logs[0] != logs[1] {
			a, b := strings.Split(logs[0], "\n"), strings.Split(logs[1], "\n")
			n := 0
			for n < min(len(a), len(b)) && a[n] == b[n] {
				n++
			}
			t.Fatalf("seed %d differs at line %d:\n%s\n---\n%s", seed, n, strings.Join(a[max(0, n-10):min(len(a), n+5)], "\n"), strings.Join(b[max(0, n-10):min(len(b), n+5)], "\n"))
		}
	}
}
