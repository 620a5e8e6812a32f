package torture

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestLateLink proves that a link which HubSpot makes only after its sender was killed doesn't survive its own removal: the
// row has changed meanwhile, and asks for another one.
func TestLateLink(t *testing.T) {
	t.Parallel()
	s := newStage(t, setups["postgres"])
	landed := make(chan struct{})
	started := make(chan *process, 1)
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/contacts/companies/batch/associate") {
			s.portal.ServeHTTP(w, r)
			return
		}
		time.AfterFunc(landing-50*time.Millisecond, func() { // as late as it may be
			s.portal.ServeHTTP(httptest.NewRecorder(), r)
			close(landed)
		})
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
		t.Fatalf("no link was made\n%s", s.story())
	}
	s.ended(&r)
	s.hasty = true
	s.use(secondState)
	s.finish()
	<-landed
	s.settle()
}
