package torture

import "testing"

// TestReference proves that the stage, the workload and the oracle agree: runs that nobody disturbs end as they should, in
// every configuration and state of the sources.
func TestReference(t *testing.T) {
	t.Parallel()
	for name, c := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c)
			for state := firstState; state <= backState; state++ {
				s.use(state)
				s.settle()
			}
		})
		if *size == "test" && name != "postgres" {
			continue // the plans of the others take their time
		}
		t.Run(name+", planned", func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c)
			for state := firstState; state <= backState; state++ {
				s.use(state)
				s.makePlan()
				s.settle()
			}
		})
	}
}
