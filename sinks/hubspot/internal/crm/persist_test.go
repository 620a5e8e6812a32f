package crm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const tooManyBody = `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT",` +
	`"correlationId":"c93e06a4","policyName":"TEN_SECONDLY_ROLLING"}`

func policyBody(name string) string {
	return strings.Replace(tooManyBody, "TEN_SECONDLY_ROLLING", name, 1)
}

// What certainly had no effect is repeated, writes too, after the wait that its class asks for (API.md 6.1, 9.3).
func TestWaits(t *testing.T) {
	for _, tc := range []struct {
		name        string
		step        http.HandlerFunc
		least, most time.Duration
	}{
		{"423", answerWith(423, `{}`), 2 * time.Second, 3 * time.Second},
		{"429 rolling", answerWith(429, tooManyBody), time.Second, 2 * time.Second},
		{"429 secondly", answerWith(429, policyBody("SECONDLY")), time.Second, 2 * time.Second},
		{"429 unknown", answerWith(429, `{"category":"RATE_LIMITS"}`), 10 * time.Second, 13 * time.Second},
		{"429 with Retry-After", answerWith(429, tooManyBody, "Retry-After", "20"), 20 * time.Second, 26 * time.Second},
		{"477 short", answerWith(477, `{}`, "Retry-After", "90"), 90 * time.Second, 91 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{tc.step, answerWith(200, good)}}
				c := serveInMemory(t, s.ServeHTTP)
				answer, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
				if err != nil || len(answer.Results) != 1 || s.sends() != 2 {
					t.Fatalf("%+v, %v after %d sends", answer, err, s.sends())
				}
				if wait := s.times[1].Sub(s.times[0]); wait < tc.least || wait > tc.most {
					t.Errorf("waited %v, want %v to %v", wait, tc.least, tc.most)
				}
				if s.body[0] != s.body[1] {
					t.Error("the repeated request has another body")
				}
			})
		})
	}
}

// A read is repeated after a server error too, no sooner than the server asks for.
func TestWaitsOfReads(t *testing.T) {
	for _, tc := range []struct {
		name        string
		step        http.HandlerFunc
		least, most time.Duration
	}{
		{"503", answerWith(503, htmlPage), 250 * time.Millisecond, 500 * time.Millisecond},
		{"503 with Retry-After", answerWith(503, "", "Retry-After", "7"), 7 * time.Second, 8 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{tc.step, answerWith(200, good)}}
				c := serveInMemory(t, s.ServeHTTP)
				if _, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false); err != nil || s.sends() != 2 {
					t.Fatalf("%v after %d sends", err, s.sends())
				}
				if wait := s.times[1].Sub(s.times[0]); wait < tc.least || wait > tc.most {
					t.Errorf("waited %v, want %v to %v", wait, tc.least, tc.most)
				}
			})
		})
	}
}

// A server that stays unavailable is given up in bounded time, with a clear error.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{answerWith(503, htmlPage, "X-HubSpot-Correlation-Id", "abc")}}
		c := serveInMemory(t, s.ServeHTTP)
		began := time.Now()
		_, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false)
		want := "read contacts: hubspot answered 503: <html><body><h1>504 Gateway Time-out</h1></body></html> (after 10 attempts) (correlation id abc)"
		if took := time.Since(began); err == nil || err.Error() != want || took > 3*time.Minute || s.sends() != 10 {
			t.Errorf("after %v and %d sends: %v", took, s.sends(), err)
		}
	})
}

// A rate limit that doesn't lift pauses the run: nothing is wrong with the data.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{answerWith(429, tooManyBody)}}
		c := serveInMemory(t, s.ServeHTTP)
		began := time.Now()
		_, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false)
		p, ok := errors.AsType[*PausedError](err)
		if !ok || time.Since(began) > 10*time.Minute || s.sends() > 60 {
			t.Fatalf("after %v and %d sends: %v", time.Since(began), s.sends(), err)
		}
		if e := asError(t, p); e.Policy != "TEN_SECONDLY_ROLLING" || e.CorrelationID != "c93e06a4" {
			t.Errorf("%+v", e)
		}
	})
}

// The daily limit pauses until midnight in the account's zone, summer time included, without another request.
func TestDailyLimit(t *testing.T) {
	for _, tc := range []struct{ zone, want string }{
		{"Europe/Oslo", "2000-01-02T00:00:00+01:00"},
		{"America/New_York", "2000-01-01T00:00:00-05:00"}, // it is still New Year's Eve there
		{"Asia/Kathmandu", "2000-01-02T00:00:00+05:45"},
		{"", "2000-01-02T00:00:00Z"},
		{"Not/AZone", "2000-01-02T00:00:00Z"},
	} {
		for name, last := range map[string]http.HandlerFunc{
			"429":          answerWith(429, policyBody("DAILY")),
			"last request": answerWith(200, good, "X-HubSpot-RateLimit-Daily-Remaining", "0"),
		} {
			synctest.Test(t, func(t *testing.T) { // begins at midnight UTC, 2000-01-01
				account := answerWith(200, `{"portalId":62515,"timeZone":"`+tc.zone+`"}`)
				s := &script{steps: []http.HandlerFunc{account, last}}
				c := serveInMemory(t, s.ServeHTTP)
				if a, err := c.Account(t.Context()); err != nil || a.PortalID != "62515" {
					t.Fatal(a, err)
				}
				_, first := c.BatchUpdate(t.Context(), "contacts", oneInput)
				if (first == nil) != (name == "last request") {
					t.Fatal(name, first)
				}
				_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
				p, ok := errors.AsType[*PausedError](err)
				if !ok || p.Until.Format(time.RFC3339) != tc.want || s.sends() != 2 {
					t.Fatalf("%s %s: %v after %d sends, want %s", name, tc.zone, err, s.sends(), tc.want)
				}
				next := serveInMemory(t, answerWith(429, policyBody("DAILY"))) // of another process, to which nothing else is told
				next.RestoreThrottle(c.SaveThrottle(), 0)
				if _, err := next.Account(t.Context()); !errors.As(err, &p) || p.Until.Format(time.RFC3339) != tc.want {
					t.Errorf("%s: another process: %v, want %s", tc.zone, err, tc.want)
				}
				time.Sleep(time.Until(p.Until))
				s.steps = []http.HandlerFunc{answerWith(200, good)}
				if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil {
					t.Error("the next day:", err)
				}
			})
		}
	}
}

// The last requests of a day are spent, and none beyond them, however many are under way at a time and in whatever order they
// are answered.
func TestLastRequestsOfADay(t *testing.T) {
	for limit := range 60 {
		synctest.Test(t, func(t *testing.T) {
			var accepted, refused atomic.Int64
			c := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
				n := accepted.Add(1)
				if n > int64(limit)+1 {
					refused.Add(1)
					answerWith(429, policyBody("DAILY"))(w, r)
					return
				}
				time.Sleep(time.Duration(100+n*37%50) * time.Millisecond)
				answerWith(200, good, "X-HubSpot-RateLimit-Daily", "625000", "X-HubSpot-RateLimit-Daily-Remaining", fmt.Sprint(int64(limit)+1-n))(w, r)
			})
			call := func() error {
				_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
				return err
			}
			_ = call() // tells what there is
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					for err := error(nil); err == nil; err = call() {
					}
				})
			}
			wg.Wait()
			if refused.Load() > 0 || accepted.Load() != int64(limit)+1 {
				t.Errorf("of %d requests %d were sent, %d refused", limit+1, accepted.Load(), refused.Load())
			}
		})
	}
}

// An account that is being moved for hours pauses everything until then.
func TestMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{answerWith(477, `{"message":"migrating"}`, "Retry-After", "86400")}}
		c := serveInMemory(t, s.ServeHTTP)
		for range 2 {
			_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
			if p, ok := errors.AsType[*PausedError](err); !ok || time.Until(p.Until) != 24*time.Hour || s.sends() != 1 {
				t.Fatalf("%v after %d sends", err, s.sends())
			}
		}
	})
}

// A Retry-After that is longer than anybody waits pauses everything, also what waits for its turn: such as a server gives that
// wants no more requests for hours.
func TestLongRetryAfterPausesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{answerWith(429, tooManyBody, "Retry-After", "7200")}}
		c := serveInMemory(t, s.ServeHTTP)
		began := time.Now()
		errs := make(chan error)
		const calls = 10 // more than are sent before the first answer
		for range calls {
			go func() {
				_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
				errs <- err
			}()
		}
		for range calls {
			err := <-errs
			p, ok := errors.AsType[*PausedError](err)
			if !ok || p.Until.Before(began.Add(2*time.Hour)) || time.Since(began) > time.Minute {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		if s.sends() > probes {
			t.Errorf("%d sends, want no more than %d", s.sends(), probes)
		}
	})
}

// When the caller stops during a wait, the call ends at once.
func TestCancelledWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveInMemory(t, answerWith(423, `{}`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.BatchUpdate(ctx, "contacts", oneInput)
		if e := asError(t, err); time.Since(began) != time.Second || !errors.Is(err, context.DeadlineExceeded) || e.Effect != NoEffect {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// Through the whole client, concurrent callers stay within a strict server's window and use it.
func TestClientKeepsTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window := &windowServer{limit: 190, window: 10 * time.Second}
		c := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
			header, refused := window.arrive()
			time.Sleep(150 * time.Millisecond)
			for name, values := range header {
				w.Header()[name] = values
			}
			if refused {
				answerWith(429, tooManyBody)(w, r)
				return
			}
			answerWith(200, good)(w, r)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		done := make(chan struct{})
		for range 20 {
			go func() {
				defer func() { done <- struct{}{} }()
				for ctx.Err() == nil {
					_, _ = c.BatchUpdate(ctx, "contacts", oneInput)
				}
			}()
		}
		for range 20 {
			<-done
		}
		if window.refused > 0 || window.accepted < 190*12*98/100 {
			t.Errorf("%d accepted, %d refused; want %d and none", window.accepted, window.refused, 190*12)
		}
	})
}

// A call that waits for long says what for, again and again but not all the time, and so do many calls together; one that
// waits for a moment says nothing.
func TestLongWaitsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		down := answerWith(500, `{}`)
		s := &script{steps: []http.HandlerFunc{down, down, answerWith(200, good), down}}
		c := serveInMemory(t, s.ServeHTTP, func(cfg *Config) {
			cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
		})
		if _, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false); err != nil || log.Len() > 0 {
			t.Errorf("%v; log:\n%s", err, &log)
		}
		began := time.Now()
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				if _, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false); err == nil {
					t.Error("no error")
				}
			})
		}
		calls.Wait()
		most := int(time.Since(began)/betweenWords) + 1
		if n := strings.Count(log.String(), "waiting for hubspot"); n < most-2 || n > most || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%d lines in %v:\n%s", n, time.Since(began), &log)
		}
	})
}
