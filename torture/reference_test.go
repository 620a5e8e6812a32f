package torture

import "testing"

// TestReference proves that the stage, the workload and the oracle agree: runs that nobody disturbs end as they should, in
// every configuration and state of the sources.
func TestReference(t *testing.T) {
	for name, c := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c)
			for state := firstState; state <= secondState; state++ {
				s.use(state)
				s.finish()
				s.idle()
				s.check()
			}
		})
	}
}

// tries bounds how many processes it may take until everything is done.
const tries = 30

// finish runs until everything is done.
func (s *stage) finish() {
	s.t.Helper()
	for range tries {
		r := s.run()
		if r.well() {
			return
		}
		s.t.Fatalf("%v\n%s", &r, s.story())
	}
}

// idle runs once more, which must write nothing (I9).
func (s *stage) idle() {
	s.t.Helper()
	before := len(s.portal.Writes())
	r := s.run()
	if !r.well() {
		s.t.Fatalf("the run after the last: %s", s.story())
	}
	for _, w := range s.portal.Writes()[before:] {
		s.t.Errorf("I9: nothing was left to do, but request %d did: %s %s %s %s %s %v", w.Request, w.Action, w.Object, w.ID, w.ToObject, w.ToID, w.Properties)
	}
}
