package torture

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// phases are when a process is killed, and what comes after.
var phases = []string{
	"first",  // while it writes the first state of the sources, which is then finished
	"second", // while it brings HubSpot from the first state to the second
	"hasty",  // while it writes the first state, and the next process finds the second
	"back",   // while it brings HubSpot to the second state, and the next process finds the first again
}

// planPhases are those of saved plans.
var planPhases = []string{
	"plan",      // while it carries out a plan of the first state, which is then finished
	"planned",   // while it carries out a plan of the second state, which is then finished
	"overtaken", // while it carries out a plan of the first state, and what is left of that finds the second
	"outdated",  // while it carries out a plan of the second state, and what is left of that finds the first again
	"abandoned", // while it carries out a plan of the second state, and nobody goes on with that
	"resumed",   // while it writes the first state, of which a plan is made then
}

// A moment is a place where a process can be killed: a failpoint that it passes for the n-th time.
type moment struct {
	config, phase, point string
	hit                  int
}

// String names the moment as subtests do.
func (m moment) String() string { return fmt.Sprintf("%s/%s/%s@%d", m.config, m.phase, m.point, m.hit) }

// parseMoment reads what String has written, cut at its slashes.
func parseMoment(t *testing.T, parts []string) moment {
	t.Helper()
	point, text, _ := strings.Cut(parts[2], "@")
	hit, err := strconv.Atoi(text)
	if _, known := setups[parts[0]]; err != nil || !known || !slices.Contains(slices.Concat(phases, planPhases), parts[1]) {
		t.Fatalf("%q is no moment, such as postgres/first/commit.after@3", parts)
	}
	return moment{parts[0], parts[1], point, hit}
}

// arm returns what kills a process at the moment.
func (m moment) arm() string { return killAt(m.point, m.hit) }

// TestKillSweep proves that a run which is killed at any of its failpoints ends as if nothing had happened: each point that
// a reference run passes, each time that it passes it.
func TestKillSweep(t *testing.T) {
	var all []moment
	if one := asked("TestKillSweep", 3); one != nil {
		all = []moment{parseMoment(t, one)}
	} else {
		all = moments(t)
	}
	layer(t, "kill sweep", sample(all, sized(80, 600, len(all))), len(all), func(t *testing.T, m moment) {
		s := newStage(t, setups[m.config])
		s.killed(m)
		s.settle()
	})
}

// killed brings the stage to the moment, has a process killed there, and the sources as the phase says.
func (s *stage) killed(m moment) {
	s.t.Helper()
	switch m.phase {
	case "second", "back", "planned", "outdated", "abandoned":
		s.finish()
		s.use(secondState)
	}
	switch m.phase {
	case "plan", "planned", "overtaken", "outdated", "abandoned":
		s.makePlan()
	}
	r := s.attempt(m.arm())
	switch m.phase {
	case "hasty", "back", "overtaken", "outdated":
		s.hasty = !r.well()
		s.use(s.state + 1)
	case "abandoned":
		s.giveUp()
	case "resumed":
		s.makePlan()
	}
}

// known are all moments, once they were asked for.
var known []moment

// moments returns all moments of the reference runs, in order.
func moments(t *testing.T) []moment {
	t.Helper()
	if known != nil {
		return known
	}
	var all []moment
	for config, c := range setups { // not subtests: -run would leave them out
		passed := reference(t, c)
		for _, phase := range slices.Concat(phases, planPhases) {
			if c.mode == "create" && slices.Contains([]string{"hasty", "back", "overtaken", "outdated"}, phase) {
				continue // what is made once was made of either state
			}
			for point, n := range passed[phase] {
				for hit := range n {
					all = append(all, moment{config, phase, point, hit + 1})
				}
			}
		}
	}
	all = inOrder(all)
	if len(all) == 0 {
		t.Fatal("no failpoint was passed: was the program built with -tags failpoint?")
	}
	known = all
	return all
}

// inOrder returns what scenarios there are, in the order of their names: these are written once each, as there are thousands.
func inOrder[S fmt.Stringer](list []S) []S {
	byName := make(map[string]S, len(list))
	for _, s := range list {
		byName[s.String()] = s
	}
	ordered := make([]S, 0, len(list))
	for _, name := range sorted(byName) {
		ordered = append(ordered, byName[name])
	}
	return ordered
}

// reference returns how often a run that nobody disturbs passes each failpoint, by phase.
func reference(t *testing.T, c setup) map[string]map[string]int {
	t.Helper()
	s, planned := newStage(t, c), newStage(t, c)
	planned.makePlan()
	first, plan := s.logged(), planned.logged()
	planned.giveUp()
	planned.finish()
	s.use(secondState)
	planned.use(secondState)
	planned.makePlan()
	second, changes := s.logged(), planned.logged()
	return map[string]map[string]int{"first": first, "second": second, "hasty": first, "back": second,
		"plan": plan, "overtaken": plan, "planned": changes, "outdated": changes, "abandoned": changes, "resumed": first}
}

// logged runs all pipelines and returns how often each failpoint was passed.
func (s *stage) logged() map[string]int {
	s.t.Helper()
	log := filepath.Join(s.t.TempDir(), "failpoints")
	r := s.start(launch{log: log}).wait()
	if !r.well() {
		s.t.Fatalf("the reference run: %s", s.story())
	}
	s.ended(&r)
	return passedPoints(s.t, log)
}

// sample returns n of the moments: half of them of plans, and a seventh in make test, since these take twice as long.
func sample(all []moment, n int) []moment {
	if n >= len(all) {
		return all
	}
	var plans, others []moment
	for _, m := range all {
		if slices.Contains(planPhases, m.phase) {
			plans = append(plans, m)
		} else {
			others = append(others, m)
		}
	}
	k := n / sized(7, 2, 2)
	return append(spread(others, n-k), spread(plans, k)...)
}

// spread returns n of the moments, of all points as evenly as can be, the same ones for the same seed.
func spread(all []moment, n int) []moment {
	if n >= len(all) {
		return all
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	byPoint := map[string][]moment{}
	for _, i := range r.Perm(len(all)) {
		byPoint[all[i].point] = append(byPoint[all[i].point], all[i])
	}
	var chosen []moment
	for round := 0; len(chosen) < n; round++ {
		for _, point := range sorted(byPoint) {
			if list := byPoint[point]; round < len(list) && len(chosen) < n {
				chosen = append(chosen, list[round])
			}
		}
	}
	return chosen
}

// A pair is a moment, and one of the process that recovers from the kill there.
type pair struct {
	moment
	point string
	hit   int
}

// String names the pair as subtests do.
func (p pair) String() string { return fmt.Sprintf("%v/%s@%d", p.moment, p.point, p.hit) }

// TestKillInRecovery proves that the process which recovers from a kill may be killed as well.
func TestKillInRecovery(t *testing.T) {
	var all []pair
	if one := asked("TestKillInRecovery", 4); one != nil {
		first := parseMoment(t, one[:3])
		second := parseMoment(t, []string{first.config, first.phase, one[3]})
		all = []pair{{first, second.point, second.hit}}
	} else {
		all = pairs(t, moments(t))
	}
	n := sized(14, 150, len(all))
	r := rand.New(rand.NewPCG(*seed, 1))
	chosen := make([]pair, 0, n)
	for _, i := range r.Perm(len(all))[:min(n, len(all))] {
		chosen = append(chosen, all[i])
	}
	layer(t, "kill in recovery", chosen, len(all), func(t *testing.T, p pair) {
		s := newStage(t, setups[p.config])
		s.killed(p.moment)
		s.attempt(killAt(p.point, p.hit))
		s.settle()
	})
}

// pairs returns moments, as many as the size allows, each with all the points that the recovery from it passes.
func pairs(t *testing.T, all []moment) []pair {
	t.Helper()
	var mu sync.Mutex
	var list []pair
	t.Run("recovery", func(t *testing.T) {
		for _, m := range sample(all, sized(6, 30, 400)) {
			t.Run(m.String(), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, setups[m.config])
				s.killed(m)
				passed := s.logged()
				mu.Lock()
				defer mu.Unlock()
				for point, n := range passed {
					for hit := range n {
						list = append(list, pair{m, point, hit + 1})
					}
				}
			})
		}
	})
	if len(list) == 0 {
		t.Fatal("nothing is known of any recovery: -run may name one pair as a failure prints it, or leave none out")
	}
	return inOrder(list)
}
