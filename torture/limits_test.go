package torture

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// TestLimits proves that a process which takes over from one that was killed keeps within the rate limit that the two share
// (I11): HubSpot counts the requests of both, and refuses none.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]int64{"killed early": 8, "killed late": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setups["postgres"]
			c.limits = hubspottest.Limits{Enabled: true, Burst: 28, Associations: 28}
			s := newStage(t, c)
			var seen atomic.Int64
			started := make(chan *process, 1)
			s.intercept(func(w http.ResponseWriter, r *http.Request) {
				if seen.Add(1) != request {
					s.portal.ServeHTTP(w, r)
					return
				}
				s.portal.ServeHTTP(httptest.NewRecorder(), r) // it counts, though nobody hears the answer
				p := <-started
				p.signal(os.Kill)
				<-p.ended
				panic(http.ErrAbortHandler)
			})
			p := s.start(launch{})
			started <- p
			r := p.wait()
			s.intercept(nil)
			if r.code != exitKilled {
				t.Fatalf("there was no request %d\n%s", request, s.story())
			}
			s.ended(&r)
			s.settle()
		})
	}
}
