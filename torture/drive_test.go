package torture

import (
	"fmt"
	"strings"
)

// tries bounds how many processes it may take until everything is done.
const tries = 20

// ended looks at what a process has left behind: no checkpoint may have passed an undecided row (I8), and of a plan nothing
// may be exceeded.
func (s *stage) ended(r *result) {
	s.t.Helper()
	s.report(append(s.passed(), s.unplanned()...))
	if s.t.Failed() {
		s.t.FailNow()
	}
	open, err := s.audit.undecided()
	if err != nil {
		s.t.Fatal(err)
	}
	if r.code == exitKilled {
		programme.count("killed")
		if len(open) > 0 {
			programme.count("killed with writes undecided")
		}
		if s.open > 0 {
			programme.count("killed in recovery")
		}
		if s.plan != nil {
			programme.count("killed while it carried out a plan")
		}
		s.audit.doubt(open)
	}
	if r.code == exitHeld {
		s.t.Fatalf("the pipeline is still held, though its holder was killed: %s", s.story())
	}
	s.open = len(open)
	if !r.well() {
		s.peopleEdit()
	}
	if s.since, err = s.audit.stillSince(s.since); err != nil {
		s.t.Fatal(err)
	}
}

// stillSince tells when the links that wait began to, of those that have waited before as it was told then.
func (a *audit) stillSince(before map[string]string) (map[string]string, error) {
	since, err := a.since()
	for link, at := range before {
		if since[link] != "" {
			since[link] = at
		}
	}
	return since, err
}

// undecided returns the intents of the groups that are open.
func (a *audit) undecided() (list []intent, err error) {
	rows, err := a.db.Query("select items from " + a.prefix + "intent_group")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var items []byte
		if err := rows.Scan(&items); err != nil {
			return nil, err
		}
		group, err := unpack(items)
		if err != nil {
			return nil, err
		}
		list = append(list, group...)
	}
	return list, rows.Err()
}

// doubt notes how often each undecided write had arrived when its process was killed.
func (a *audit) doubt(open []intent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range open {
		if _, known := a.doubts[i.trace]; !known {
			a.doubts[i.trace] = a.sent[i.trace]
		}
	}
}

// rare counts what became of the writes in doubt: the states without which the scenarios prove little.
func (a *audit) rare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for trace, before := range a.doubts {
		switch now := a.sent[trace]; {
		case before == 0 && now == 0:
			programme.count("in doubt, never sent and replaced by a newer version")
		case before == 0:
			programme.count("in doubt, never sent before the kill, sent afterwards")
		case now > before:
			programme.count("in doubt, sent again")
		default:
			programme.count("in doubt, found in HubSpot")
		}
	}
	for name, n := range a.sent {
		if n > 1 && strings.HasPrefix(name, "link") {
			programme.count("link written again")
		}
	}
}

// attempt runs once, with failpoints armed; a run ends well, or is killed if it was to be.
func (s *stage) attempt(arm ...string) result {
	s.t.Helper()
	r := s.run(arm...)
	if !r.well() && (r.code != exitKilled || len(arm) == 0) {
		s.t.Fatalf("%v\n%s", &r, s.story())
	}
	s.ended(&r)
	switch {
	case len(arm) == 0:
	case r.code == exitKilled:
		point, _, _ := strings.Cut(arm[0], "=")
		programme.count("killed at " + point)
	default:
		programme.count("passed too seldom to be killed") // what is concurrent differs from the reference
	}
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

// idle runs once more, which must write nothing (I9). What may still land late, such as a create that is held for review, has
// done so before.
func (s *stage) idle() {
	s.t.Helper()
	s.hungUp(landing)
	list := s.written(func() {
		if r := s.run(); !r.well() {
			s.t.Fatalf("the run after the last: %s", s.story())
		}
	})
	if len(list) > 0 {
		s.t.Errorf("I9: nothing was left to do, but there was\n%s\n%s", strings.Join(list, "\n"), s.story())
	}
}

// written returns what was written while fn ran.
func (s *stage) written(fn func()) (list []string) {
	before := len(s.portal.Writes())
	fn()
	for _, w := range s.portal.Writes()[before:] {
		list = append(list, fmt.Sprintf("request %d: %s %s %s %s %s %v", w.Request, w.Action, w.Object, w.ID, w.ToObject, w.ToID, w.Properties))
	}
	return list
}

// settle ends a scenario: everything is done, once more there is nothing to do, and the oracle is asked. A source that has
// changed under a run is read to its end first: its earlier rows have their turn in the next run.
func (s *stage) settle() {
	s.t.Helper()
	if s.plan != nil {
		s.fulfil()
	}
	s.finish()
	if s.hasty {
		s.finish()
	}
	s.idle()
	s.check()
	s.audit.rare()
	held := 0
	if err := s.audit.names("select pipeline, key from "+s.audit.prefix+"ledger where held", func(string) { held++ }); err != nil {
		s.t.Fatal(err)
	}
	programme.add("held for review", held)
}
