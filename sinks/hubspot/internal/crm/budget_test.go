package crm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A windowServer counts requests as strictly as HubSpot may: by arrival, in a rolling window, those of others included.
type windowServer struct {
	mu       sync.Mutex
	limit    int
	window   time.Duration
	arrivals []time.Time
	accepted int
	refused  int
	silent   bool // sends no headers
}

// arrive stamps a request and returns the answer's headers.
func (s *windowServer) arrive() (header http.Header, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.arrivals) > 0 && now.Sub(s.arrivals[0]) >= s.window {
		s.arrivals = s.arrivals[1:]
	}
	header = http.Header{}
	if refused = len(s.arrivals) >= s.limit; refused {
		s.refused++
	} else {
		s.arrivals = append(s.arrivals, now)
		s.accepted++
	}
	if !s.silent {
		header.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(s.limit))
		header.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(s.limit-len(s.arrivals)))
		header.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.Itoa(int(s.window.Milliseconds())))
	}
	return header, refused
}

// A route is how long requests take: up the line, in the server, and back.
type route struct {
	latency time.Duration // 30 % of it up the line
	jitter  time.Duration // mean of the exponential part of the way up, which is at most four times as long
}

func (r route) times(rng *rand.Rand) (up, rest time.Duration) {
	up = r.latency * 3 / 10
	rest = r.latency - up
	return up + time.Duration(min(rng.ExpFloat64(), 4)*float64(r.jitter)), rest
}

// A way tells of one request after the other how long it takes up the line, and from there on. It is asked concurrently.
type way interface {
	times(*rand.Rand) (up, rest time.Duration)
}

// drive lets workers send through limits for a time.
func drive(l *limits, s *windowServer, workers int, r way, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range workers {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		wg.Go(func() {
			again := false
			for {
				t, err := l.acquire(ctx, false, again)
				if err != nil {
					return
				}
				t.start(time.Now())
				up, rest := r.times(rng)
				time.Sleep(up)
				header, refused := s.arrive()
				time.Sleep(rest)
				t.done(time.Now(), header, refused)
				again = refused
			}
		})
	}
	wg.Wait()
}

// The budget is used nearly whole, and never exceeded, by a server that counts strictly (T8 of the performance targets).
func TestBudgetIsUsedAndKept(t *testing.T) {
	const span = 120 * time.Second
	for _, tc := range []struct {
		route
		workers int
		least   float64
	}{
		{route{50 * time.Millisecond, 5 * time.Millisecond}, 20, 0.98},
		{route{150 * time.Millisecond, 0}, 20, 0.98},
		{route{150 * time.Millisecond, 20 * time.Millisecond}, 20, 0.98},
		{route{150 * time.Millisecond, 20 * time.Millisecond}, 8, 0.98},
		{route{500 * time.Millisecond, 0}, 20, 0.97},
		{route{500 * time.Millisecond, 50 * time.Millisecond}, 20, 0.97},
	} {
		t.Run(fmt.Sprintf("%v±%v/%d workers", tc.latency, tc.jitter, tc.workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &windowServer{limit: 190, window: 10 * time.Second}
				drive(newLimits(0, false), s, tc.workers, tc.route, span)
				used := float64(s.accepted) / (190 * span.Seconds() / 10)
				t.Logf("%.1f %% of 190 requests in 10 s were used over %v; %d were refused", 100*used, span, s.refused)
				if used < tc.least || s.refused > 0 {
					t.Errorf("used %.4f of the budget with %d refusals, want at least %.2f and none", used, s.refused, tc.least)
				}
			})
		})
	}
}

// In the long run, when the burst of the beginning no longer counts, use stays as high.
func TestBudgetOverTwentyMinutes(t *testing.T) {
	for _, tc := range []struct {
		route
		least float64
	}{
		{route{150 * time.Millisecond, 20 * time.Millisecond}, 0.99},
		{route{500 * time.Millisecond, 50 * time.Millisecond}, 0.985},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &windowServer{limit: 190, window: 10 * time.Second}
			l := newLimits(0, false)
			drive(l, s, 20, tc.route, 20*time.Second)
			before := s.accepted
			drive(l, s, 20, tc.route, 20*time.Minute)
			used := float64(s.accepted-before) / (19 * 20 * 60)
			t.Logf("%v±%v: %.2f %% used, %d refused", tc.latency, tc.jitter, 100*used, s.refused)
			if used < tc.least || s.refused > 0 {
				t.Errorf("used %.4f with %d refusals, want at least %.2f and none", used, s.refused, tc.least)
			}
		})
	}
}

// busyAtFirst is a machine that takes its time with the first requests, until they arrive and after.
type busyAtFirst struct{ sends atomic.Int64 }

func (b *busyAtFirst) times(*rand.Rand) (up, rest time.Duration) {
	if n := b.sends.Add(1); n <= 60 {
		up = time.Duration(60+n*7%20) * time.Millisecond
		return up, 235*time.Millisecond - up
	}
	return time.Millisecond, 150 * time.Millisecond
}

// Where the machine is busy at first, the shortest round trip is long, and by it the way there looks shorter than it was. The
// slots are used again only after answers that show it.
func TestABusyBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &windowServer{limit: 190, window: 10 * time.Second}
		drive(newLimits(0, false), s, 20, new(busyAtFirst), time.Minute)
		if used := float64(s.accepted) / (190 * 6); s.refused > 0 || used < 0.99 {
			t.Errorf("%d refused, %.4f of the budget used", s.refused, used)
		}
	})
}
