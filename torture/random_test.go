package torture

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// TestRandomKills proves that a run which is killed from outside, again and again, at moments that nobody chose, ends as
// if nothing had happened; also while its sources change, and while it carries out a plan of theirs.
func TestRandomKills(t *testing.T) {
	n := sized(7, 150, 10_000)
	list := make([]ordinal, n)
	for i := range list {
		list[i] = ordinal(i)
	}
	layer(t, "random kill -9", list, 10_000, func(t *testing.T, i ordinal) {
		r := rand.New(rand.NewPCG(*seed, uint64(i)))
		s := newStage(t, setups[[...]string{"postgres", "postgres", "sqlite"}[i%3]])
		changes := []int{r.IntN(6), r.IntN(12)} // after so many kills the sources change, be they written or not
		kills := 5 + r.IntN(4)
		for killed := 0; killed < kills; {
			if s.state < backState && killed >= changes[s.state-firstState] {
				s.hasty = true
				s.use(s.state + 1)
			}
			if s.plan == nil && i%3 == 1 && r.IntN(2) == 0 {
				s.makePlan()
			}
			ended := s.killSoon(r)
			s.ended(&ended)
			switch {
			case ended.code == exitKilled:
				killed++
			case !ended.well():
				t.Fatalf("%v\n%s", &ended, s.story())
			case s.plan != nil && r.IntN(3) == 0:
				s.giveUp()
			case s.plan != nil:
				s.fulfil()
			case s.state < backState:
				s.use(s.state + 1)
			}
		}
		s.settle()
	})
}

// An ordinal numbers scenarios.
type ordinal int

// String returns the number.
func (o ordinal) String() string { return strconv.Itoa(int(o)) }

// killSoon starts a process and kills it: at any time, or at one of its requests, whose fate is any of those that a request
// can have when its sender dies.
func (s *stage) killSoon(r *rand.Rand) result {
	s.t.Helper()
	if r.IntN(3) == 0 {
		p := s.start(launch{})
		select {
		case <-time.After(time.Duration(r.Int64N(int64(300 * time.Millisecond)))):
			p.signal(os.Kill)
		case <-p.ended:
		}
		return p.wait()
	}
	k := &killer{stage: s, fate: fates[r.IntN(len(fates))], any: r.IntN(4) == 0, started: make(chan struct{})}
	k.delay = time.Duration(r.Int64N(int64(landing - 100*time.Millisecond)))
	k.left.Store(1 + r.Int64N(12))
	s.intercept(k.serve)
	k.process = s.start(launch{})
	close(k.started)
	return k.process.wait()
}

// The fates of a request whose sender is killed while it waits for the answer.
var fates = []string{"lost", "applied", "applied late"}

// A killer kills a process at one of its requests.
type killer struct {
	stage   *stage
	process *process
	started chan struct{} // closed when process is set
	fate    string
	any     bool          // any request counts, not only those that write
	delay   time.Duration // of what is applied late
	left    atomic.Int64  // requests that count, until it is time
}

func (k *killer) serve(w http.ResponseWriter, r *http.Request) {
	if !k.any && writing(r) == "" || k.left.Add(-1) != 0 {
		k.stage.portal.ServeHTTP(w, r)
		return
	}
	<-k.started
	if k.fate == "applied" {
		k.stage.portal.ServeHTTP(httptest.NewRecorder(), r)
	}
	k.process.signal(os.Kill)
	<-k.process.ended
	programme.count("killed, and its request " + k.fate)
	if k.fate == "applied late" { // before timeout and landing are over
		time.Sleep(k.delay)
		k.stage.portal.ServeHTTP(httptest.NewRecorder(), r)
	}
	panic(http.ErrAbortHandler)
}
