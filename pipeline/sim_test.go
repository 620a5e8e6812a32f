package pipeline_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	seeds   = flag.Int("seeds", seedsPlayed, "how many seeds TestSimulation plays")
	from    = flag.Uint64("from", 0, "the first seed that TestSimulation plays")
	during  = flag.Duration("for", 0, "how long TestSimulation goes on, at most; 0 means until all seeds are played")
	workers = flag.Int("workers", 1, "how many processes TestSimulation plays in")
)

// chunk is how many seeds are played in one bubble: the end of a bubble costs more than a seed.
const chunk = 250

// sometimes are the rare states that seeds must meet, or the simulation proves too little.
var sometimes = []string{"a reading left something out", "aborted", "answer lost", "archived by the pipeline", "archiving was put off", "drained", "drained with writes on their way",
	"fenced intend or commit", "fenced mid-flight", "find failed", "gone: ignore", "gone: recreate", "gone: reject", "held unkeyed", "in doubt, absent", "in doubt, found",
	"a link of a merged record at the end", "key collision", "killed", "killed in a drain", "killed in recovery", "kept: edited", "kept: others", "killed in recovery of recovery", "landed late", "let go: archived or merged by people", "link answer lost",
	"link dropped", "link refused", "linked: a record was merged", "linked inline", "made again after it was archived", "made by an attempt that got no answer", "merge noticed", "named by an attempt that got no answer", "never told of", "no answer, rejected: it isn't there", "no answer, rejected: it may be there", "mirrored", "mirrored records", "newer version after a doubt", "page failed", "pair answer lost", "pair made", "pair of a group that was merged", "pair removed", "parked, then linked",
	"partial apply", "paused", "prepare failed", "purged", "recalled and found", "refused a permit", "request dropped", "resent by another process",
	"retried", "retried, then written", "settle failed", "short answer", "sink error", "stale position", "stopped for a mass change", "store call failed", "turned away by the holder", "unlinked", "unlinked: a record was merged",
	"unwritten", "update under another id", "waited for a silent holder", "woken after a takeover"}

// TestSimulation plays seeds: whatever goes wrong, the invariants of DESIGN section 5 hold at every step and at the end.
func TestSimulation(t *testing.T) {
	if *workers > 1 {
		fanOut(t)
		return
	}
	began, counts, played := time.Now(), map[string]int{}, 0
	for played < *seeds && !t.Failed() && (*during == 0 || time.Since(began) < *during) {
		bubble(t, func(t *testing.T) {
			for end := min(played+chunk, *seeds); played < end && !t.Failed(); played++ {
				playSeed(t, *from+uint64(played), counts)
			}
		})
	}
	var met strings.Builder
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&met, "\n%9d %s", counts[state], state)
	}
	t.Logf("played %d seeds from %d on in %v; met%s", played, *from, time.Since(began).Round(time.Second), met.String())
	for _, state := range sometimes {
		if want := played / 1000; counts[state] < want && !t.Failed() {
			t.Errorf("void: the rare state %q was met %d times in %d seeds, want %d", state, counts[state], played, want)
		}
	}
}

// fanOut shares the seeds among processes: bubbles of one process can't run side by side (see bubble).
func fanOut(t *testing.T) {
	share := (*seeds + *workers - 1) / *workers
	ended := make(chan error)
	for n := range *workers {
		args := []string{"-test.run=^TestSimulation$", "-test.v", "-test.timeout=0", fmt.Sprintf("-seeds=%d", min(share, *seeds-n*share)),
			fmt.Sprintf("-from=%d", *from+uint64(n*share)), fmt.Sprintf("-for=%v", *during)}
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		go func() { ended <- cmd.Run() }()
	}
	for range *workers {
		if err := <-ended; err != nil {
			t.Errorf("a worker: %v", err)
		}
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
	if w.s.log != nil {
		t.Log("\n" + w.s.log.String())
	}
	if len(w.broken) > 0 {
		t.Errorf("seed %d:\n%s\nreplay: go test ./pipeline -run 'TestSimulation$' -seeds 1 -from %d -v", seed, strings.Join(w.broken, "\n"), seed)
	}
}

// TestSeedsReplay proves that a seed is played the same way every time: what happens, when, and in which order.
func TestSeedsReplay(t *testing.T) {
	var first []string
	for range 2 {
		var logs []string
		bubble(t, func(t *testing.T) {
			for seed := range uint64(100) {
				w := newWorld(seed)
				w.s.log = &strings.Builder{}
				w.play()
				logs = append(logs, w.s.log.String())
			}
		})
		if first == nil {
			first = logs
		}
		for seed := range logs {
			if first[seed] != logs[seed] {
				t.Fatalf("seed %d isn't played the same way twice:\n%s", seed, cmp.Diff(strings.Split(first[seed], "\n"), strings.Split(logs[seed], "\n")))
			}
		}
	}
}
