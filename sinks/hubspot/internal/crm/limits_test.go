package crm

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var usual = route{150 * time.Millisecond, 20 * time.Millisecond}

// Two requests go before the first answer; those after it use the limit that it told.
func TestFirstRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(0, false)
		granted := make(chan *ticket)
		for range probes + 1 {
			go func() {
				next, _ := l.acquire(t.Context(), false, false)
				granted <- next
			}()
		}
		first := <-granted
		defer (<-granted).cancel()
		synctest.Wait()
		select {
		case <-granted:
			t.Fatal("a third request was sent before the first was answered")
		default:
		}
		first.done(time.Now(), quotaHeader(190, 189), false)
		(<-granted).cancel()
		if got := l.app.currentLimit(); got != 190 {
			t.Errorf("limit %d, want the 190 of the headers", got)
		}
	})
}

// Accounts with other limits, and servers that send no headers, get no request too many.
func TestOtherLimitsAreKept(t *testing.T) {
	for _, tc := range []struct {
		name        string
		limit, most int
		silent      bool
		least       int
	}{
		{"free account", 100, 0, false, 1170},
		{"installed app", 110, 0, false, 1290},
		{"limit increase", 250, 0, false, 2900},
		{"half for somebody else", 190, 95, false, 1120},
		{"no headers", 190, 0, true, 1170},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &windowServer{limit: tc.limit, window: 10 * time.Second, silent: tc.silent}
				drive(newLimits(tc.most, false), s, 40, usual, 2*time.Minute)
				if s.refused > 0 || s.accepted < tc.least {
					t.Errorf("%d accepted, %d refused; want at least %d and none", s.accepted, s.refused, tc.least)
				}
			})
		})
	}
}

// A server on this machine that sends no headers has no limit; one that does is believed.
func TestLocalServer(t *testing.T) {
	for _, silent := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &windowServer{limit: 5000, window: 10 * time.Second, silent: silent}
			drive(newLimits(0, true), s, 20, usual, 20*time.Second)
			if s.refused > 0 || s.accepted < 2000 {
				t.Errorf("%d accepted, %d refused", s.accepted, s.refused)
			}
		})
	}
}

// A server on this machine that sends no headers, but has a limit, refuses what is under way when the limit is reached, and
// nothing after that.
func TestLocalServerThatLimitsInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &windowServer{limit: 190, window: 10 * time.Second, silent: true}
		l := newLimits(0, true)
		drive(l, s, 20, usual, 15*time.Second)
		refused := s.refused
		drive(l, s, 20, usual, 2*time.Minute)
		if refused == 0 || refused > 40 || s.refused > refused || s.accepted < 2400 {
			t.Errorf("%d accepted, %d refused at first, %d after that", s.accepted, refused, s.refused-refused)
		}
	})
}

// After a restart the sends of the process before still count: known from what it saved, or seen in the headers.
func TestRestartStaysWithinTheWindow(t *testing.T) {
	// Sends that were not saved look like somebody else's, for whom the limiter leaves 6 % of the minute free.
	for saved, least := range map[bool]int{true: 190 * 6 * 95 / 100, false: 190 * 6 * 94 / 100} {
		t.Run("saved "+strconv.FormatBool(saved), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &windowServer{limit: 190, window: 10 * time.Second}
				before := newLimits(0, false)
				drive(before, s, 20, usual, time.Second)
				kept := before.save()
				time.Sleep(2 * time.Second)
				after := newLimits(0, false)
				if saved {
					after.restore(kept, 2*time.Second)
				}
				drive(after, s, 20, usual, time.Minute)
				if s.refused > 0 || s.accepted < least {
					t.Errorf("%d accepted, %d refused; want at least %d and none", s.accepted, s.refused, least)
				}
			})
		})
	}
}

// What was saved is taken once, counts for what is left of its time, and is never worse than a nuisance when damaged.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(0, false)
		drive(l, &windowServer{limit: 190, window: 10 * time.Second}, 20, usual, 5*time.Second)
		kept := l.save()
		if len(kept) > 500 {
			t.Errorf("%d bytes are saved, want less than 500", len(kept))
		}
		for cut := range kept {
			newLimits(0, false).restore(kept[:cut], 0)
		}
		again := newLimits(0, false)
		again.restore(kept, 0)
		held := len(again.app.held)
		again.restore(kept, 0)
		if held != len(l.app.held) || len(again.app.held) != held {
			t.Errorf("%d slots are held after one restore and %d after two, want %d", held, len(again.app.held), len(l.app.held))
		}
		late := newLimits(0, false)
		late.restore(kept, time.Hour)
		if n := len(late.app.held); n != 0 {
			t.Errorf("%d slots are held an hour later", n)
		}
	})
}

// Another consumer of the app takes its share; few requests are refused, none in a row without end.
func TestOthersUseTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &windowServer{limit: 190, window: 10 * time.Second}
		stop := make(chan struct{})
		var others, theirs int
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Millisecond): // 50 in 10 s
					if _, refused := s.arrive(); refused {
						theirs++
					} else {
						others++
					}
				}
			}
		})
		drive(newLimits(0, false), s, 20, usual, 5*time.Minute)
		close(stop)
		wg.Wait()
		total := 190 * 30
		ours := s.refused - theirs
		t.Logf("%d accepted of %d (%d of others); refused %d of ours, %d of theirs", s.accepted, total, others, ours, theirs)
		if ours > total/100 || s.accepted < total*85/100 {
			t.Errorf("%d accepted of %d, %d of ours refused", s.accepted, total, ours)
		}
	})
}

// A line that takes longer than the margin costs a few refusals, then the margin has grown.
func TestMarginGrowsOnSlowLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &windowServer{limit: 190, window: 10 * time.Second}
		l := newLimits(0, false)
		drive(l, s, 60, route{1500 * time.Millisecond, 150 * time.Millisecond}, 10*time.Minute)
		t.Logf("%d accepted, %d refused, margin %v", s.accepted, s.refused, l.app.margin)
		if s.refused > 60 || s.accepted < 190*60*75/100 {
			t.Errorf("%d accepted of %d, %d refused", s.accepted, 190*60, s.refused)
		}
	})
}

// The way of requests is known from those before them. Where it gets shorter at once, by more than the margin leaves, a few of
// those that were under way together are refused, once; where times only scatter, or get longer, none is.
func TestWaysThatChange(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		name   string
		routes []route
		most   int
		least  float64
	}{
		{"shorter at once", []route{{500 * ms, 0}, {100 * ms, 0}}, 32, 0.85},
		{"shorter again and again", []route{{500 * ms, 0}, {100 * ms, 0}, {500 * ms, 0}, {100 * ms, 0}}, 32, 0.92},
		{"longer", []route{{200 * ms, 10 * ms}, {800 * ms, 10 * ms}}, 0, 0.99},
		{"scattered", []route{{100 * ms, 60 * ms}}, 0, 0.99},
		{"scattered a lot", []route{{30 * ms, 300 * ms}}, 10, 0.95},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &windowServer{limit: 190, window: 10 * time.Second}
				l := newLimits(0, false)
				for _, r := range tc.routes {
					drive(l, s, 32, r, 60*time.Second)
				}
				used := float64(s.accepted) / float64(190*6*len(tc.routes))
				t.Logf("%.1f %% used, %d refused", 100*used, s.refused)
				if s.refused > tc.most || used < tc.least {
					t.Errorf("%.3f of the budget used, %d refused; want at least %.2f, and at most %d", used, s.refused, tc.least, tc.most)
				}
			})
		})
	}
}

// Requests are granted in the order of asking, but repeated ones first.
func TestGrantsAreInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1, false)
		first, _ := l.acquire(t.Context(), false, false)
		first.start(time.Now())
		var order []string
		var wg sync.WaitGroup
		for i, name := range []string{"a", "b", "again", "c"} {
			time.Sleep(time.Millisecond)
			wg.Go(func() {
				ticket, _ := l.acquire(t.Context(), false, i == 2)
				order = append(order, name)
				ticket.done(time.Now(), quotaHeader(1, 0), false)
			})
		}
		synctest.Wait()
		first.done(time.Now(), quotaHeader(1, 0), false)
		wg.Wait()
		if want := []string{"again", "a", "b", "c"}; !slices.Equal(order, want) {
			t.Errorf("granted %v, want %v", order, want)
		}
	})
}

// One who stops waiting takes no slot with him.
func TestCancelledWaitTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1, false)
		first, _ := l.acquire(t.Context(), false, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.acquire(ctx, true, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("waiting ended with %v", err)
		}
		first.cancel()
		if l.app.flight != 0 || l.associations.flight != 0 || len(l.app.queue) != 0 {
			t.Errorf("in flight %d and %d, waiting %d; want none", l.app.flight, l.associations.flight, len(l.app.queue))
		}
	})
}

// Associations have a budget of their own beside the app's. Their headers tell it, unless they repeat the app's.
func TestAssociationLimit(t *testing.T) {
	for _, tc := range []struct{ app, told, want int }{
		{190, 150, 150}, {190, 190, 150}, {100, 100, 100}, {250, 250, 200}, {110, 110, 100}, {190, 0, 100}, {9999, 9999, 9999},
	} {
		l := newLimits(0, false)
		answer(t, l, false, quotaHeader(tc.app, tc.app-1))
		header := http.Header{}
		if tc.told > 0 {
			header = quotaHeader(tc.told, tc.told-1)
		}
		answer(t, l, true, header)
		if got := l.associations.currentLimit(); got != tc.want || l.app.currentLimit() != tc.app {
			t.Errorf("app %d, associations told %d: limits %d and %d, want %d", tc.app, tc.told, l.app.currentLimit(), got, tc.want)
		}
	}
}

func answer(t *testing.T, l *limits, associations bool, h http.Header) {
	t.Helper()
	ticket, err := l.acquire(t.Context(), associations, false)
	if err != nil {
		t.Fatal(err)
	}
	ticket.start(time.Now())
	ticket.done(time.Now(), h, false)
}

func quotaHeader(limit, remaining int) http.Header {
	h := http.Header{}
	h.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(limit))
	h.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	return h
}
