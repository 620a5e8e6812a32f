package torture

import (
	"fmt"
	"regexp"
	"strings"
)

// A violation is a broken promise: which, of which key, and how that shows.
type violation struct{ invariant, key, evidence string }

func (v violation) String() string { return fmt.Sprintf("%s %s: %s", v.invariant, v.key, v.evidence) }

// A verdict collects violations.
type verdict struct {
	stage *stage
	want  *want
	list  []violation
}

func (v *verdict) blame(invariant, key, format string, args ...any) {
	v.list = append(v.list, violation{invariant, key, fmt.Sprintf(format, args...)})
}

// shown is how many violations of one check are printed.
const shown = 12

// report fails the test if there are violations.
func (s *stage) report(list []violation) {
	s.t.Helper()
	if len(list) == 0 {
		return
	}
	var b strings.Builder
	for _, v := range list[:min(shown, len(list))] {
		fmt.Fprintln(&b, v)
	}
	s.t.Errorf("%d violations:\n%s%s", len(list), b.String(), s.story())
}

// check asks whether all promises were held, now that everything is done and a further run has found nothing to do.
func (s *stage) check() {
	s.t.Helper()
	s.report(s.judge())
}

// judge returns every broken promise.
func (s *stage) judge() []violation {
	v := &verdict{stage: s, want: s.wanted()}
	crm := s.look()
	state, err := s.audit.look()
	if err != nil {
		v.blame("state", "", "can't be read: %v", err)
		return v.list
	}
	v.once(crm)
	v.newest(crm, state)
	v.books(state)
	v.mine(crm)
	v.forward(crm)
	v.intended()
	v.history(state)
	v.same(crm, state)
	v.paced()
	v.secret()
	return v.list
}

// wanted returns what is wanted of the sources as they are.
func (s *stage) wanted() *want {
	w := wanted(s.setup, s.state)
	if s.hasty {
		w.hasty()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.set(s.edits)
	return w
}

// story tells what has happened: every process and its end, and the last one's output.
func (s *stage) story() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for i := range s.runs {
		fmt.Fprintln(&b, &s.runs[i])
	}
	if len(s.runs) > 0 {
		fmt.Fprintln(&b, tail(s.runs[len(s.runs)-1].output(), 3000))
	}
	fmt.Fprintf(&b, "once more: %s", s.replay())
	return b.String()
}

// replay is the command that runs this scenario, and no other.
func (s *stage) replay() string {
	extra := ""
	if *seed != 1 {
		extra = fmt.Sprintf(" -seed %d", *seed)
	}
	return fmt.Sprintf(".ci/with-postgres go test ./torture -run '^%s$' -size full%s", strings.ReplaceAll(regexp.QuoteMeta(s.t.Name()), "/", "$/^"), extra)
}

func tail(text string, most int) string {
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}
