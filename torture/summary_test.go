package torture

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"sluice/pipeline/failpoint"
)

// A tally is what was done, of all layers: for the summary.
type tally struct {
	mu     sync.Mutex
	counts map[string]int // by what has happened
	layers []string       // a line for each
	notes  []string
}

var programme tally

// count notes that something has happened.
func (p *tally) count(what string) { p.add(what, 1) }

func (p *tally) add(what string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts == nil {
		p.counts = map[string]int{}
	}
	p.counts[what] += n
}

// counted returns how often something has happened.
func (p *tally) counted(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[what]
}

// layer notes how much of a layer was done.
func (p *tally) layer(name string, done, of int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.layers = append(p.layers, fmt.Sprintf("| %s | %d | %d | %.0f %% | %v |", name, done, of, 100*float64(done)/float64(max(1, of)), took.Round(time.Second)))
}

// note keeps a line for the summary.
func (p *tally) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// rareStates are what has to happen in every size: scenarios in which it didn't prove little.
var rareStates = []string{
	"killed", "killed with writes undecided", "killed in recovery", "killed, and its request lost", "killed, and its request applied",
	"killed, and its request applied late", "in doubt, found in HubSpot", "in doubt, never sent before the kill, sent afterwards", "in doubt, sent again",
	"in doubt, never sent and replaced by a newer version", "link written again", "held for review",
	"second run held", "woken after a takeover", "fenced mid-flight", "unknown COMMIT of intents, applied", "unknown COMMIT of intents, not applied",
	"unknown COMMIT of outcomes, applied", "unknown COMMIT of outcomes, not applied", "HubSpot's answer lost", "killed while it carried out a plan", "plan fulfilled",
	"refused, as it has changed since the plan", "set by people: " + sharedProperty, "set by people: " + filledProperty, "n-th operation: a run without a fault",
}

// void returns the rare states that never happened, and the failpoints that never killed.
func (p *tally) void() (missing []string) {
	for _, what := range rareStates {
		if p.counted(what) == 0 {
			missing = append(missing, what)
		}
	}
	for _, point := range failpoint.Names {
		if p.counted("killed at "+point.Name) == 0 {
			missing = append(missing, "killed at "+point.Name)
		}
	}
	return missing
}

// write writes the summary as Markdown, unless path is "".
func (p *tally) write(path string) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "size %s, seed %d, %v\n\n| layer | scenarios | of | share | time |\n|---|---:|---:|---:|---:|\n", *size, *seed, time.Since(began).Round(time.Second))
	for _, line := range p.layers {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprint(&b, "\n| what has happened | times |\n|---|---:|\n")
	for _, name := range sorted(p.counts) {
		fmt.Fprintf(&b, "| %s | %d |\n", name, p.counts[name])
	}
	for _, line := range p.notes {
		fmt.Fprintf(&b, "\n%s\n", line)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
