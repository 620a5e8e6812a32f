package torture

import (
	"fmt"
	"strings"
)

// tries bounds how many processes it may take until everything is done.
const tries = 20

// ended looks at what a process has left behind: no checkpoint may have passed an undecided row (I8).
func (s *stage) ended(r *result) {
	s.t.Helper()
	list := s.passed()
	for _, v := range list[:min(shown, len(list))] {
		s.t.Errorf("%v: %v", r, v)
	}
	if len(list) > 0 {
		s.t.FailNow()
	}
	open, err := s.audit.undecided()
	if err != nil {
		s.t.Fatal(err)
	}
	if r.code == exitKilled {
		programme.count("killed")
		if open > 0 {
			programme.count("killed with writes undecided")
		}
		if s.open > 0 {
			programme.count("killed in recovery")
		}
	}
	if r.code == exitHeld {
		programme.count("held after a kill")
	}
	s.open = open
}

// undecided returns how many groups of intents are open.
func (a *audit) undecided() (n int, err error) {
	err = a.db.QueryRow("select count(*) from " + a.prefix + "intent_group").Scan(&n)
	return n, err
}

// attempt runs once, with failpoints armed; a run ends well, or is killed if it was to be.
func (s *stage) attempt(arm ...string) result {
	s.t.Helper()
	r := s.run(arm...)
	if !r.well() && r.code != exitHeld && (r.code != exitKilled || len(arm) == 0) {
		s.t.Fatalf("%v\n%s", &r, s.story())
	}
	s.ended(&r)
	return r
}

// finish runs until everything is done.
func (s *stage) finish() {
	s.t.Helper()
	for range tries {
		if r := s.attempt(); r.well() {
			return
		}
	}
	s.t.Fatalf("not done after %d processes\n%s", tries, s.story())
}

// idle runs once more, which must write nothing (I9).
func (s *stage) idle() {
	s.t.Helper()
	before := len(s.portal.Writes())
	r := s.run()
	if !r.well() {
		s.t.Fatalf("the run after the last: %s", s.story())
	}
	var b strings.Builder
	for _, w := range s.portal.Writes()[before:] {
		fmt.Fprintf(&b, "request %d: %s %s %s %s %s %v\n", w.Request, w.Action, w.Object, w.ID, w.ToObject, w.ToID, w.Properties)
	}
	if b.Len() > 0 {
		s.t.Errorf("I9: nothing was left to do, but there was\n%s%s", b.String(), s.story())
	}
}

// settle ends a scenario: everything is done, once more there is nothing to do, and the oracle is asked. A source that has
// changed under a run is read to its end first: its earlier rows have their turn in the next run.
func (s *stage) settle() {
	s.t.Helper()
	s.finish()
	if s.hasty {
		s.finish()
	}
	s.idle()
	s.check()
}
