package crm

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a failure tells about the effect, and how often each kind of call is sent (API.md 6.1).
func TestEffectAndRepetition(t *testing.T) {
	for _, tc := range []struct {
		name   string
		step   http.HandlerFunc
		effect Effect
		write  int // sends of a record write
		safe   int // sends of a call that is safe to repeat
	}{
		{"301", answerWith(301, "", "Location", "https://elsewhere.example/x"), Unknown, 1, 1},
		{"400", answerWith(400, `{"status":"error","category":"VALIDATION_ERROR","message":"no"}`), NoEffect, 1, 1},
		{"401", answerWith(401, `{"status":"error","category":"INVALID_AUTHENTICATION","message":"no"}`), NoEffect, 1, 1},
		{"403 html", answerWith(403, htmlPage), NoEffect, 1, 1},
		{"404", answerWith(404, ""), NoEffect, 1, 1},
		{"408", answerWith(408, ""), Unknown, 1, 3},
		{"409", answerWith(409, `{"category":"CONFLICT"}`), NoEffect, 1, 1},
		{"413", answerWith(413, ""), NoEffect, 1, 1},
		{"423", answerWith(423, `{}`), NoEffect, 3, 3},
		{"437", answerWith(437, `{}`), NoEffect, 1, 1},
		{"500", answerWith(500, `{"status":"error","message":"internal error"}`), Unknown, 1, 3},
		{"502 html", answerWith(502, htmlPage), Unknown, 1, 3},
		{"503", answerWith(503, ""), Unknown, 1, 3},
		{"504", answerWith(504, htmlPage), Unknown, 1, 3},
		{"521", answerWith(521, ""), Unknown, 1, 3},
		{"524", answerWith(524, ""), Unknown, 1, 3},
		{"cut", cut, Unknown, 1, 3},
		{"200 html", answerWith(200, htmlPage), Unknown, 1, 3},
		{"200 cut short", answerWith(200, good[:20]), Unknown, 1, 3},
		{"200 wrong type", answerWith(200, `{"results":7}`), Unknown, 1, 3},
		{"200 length too long", answerWith(200, good, "Content-Length", "9999"), Unknown, 1, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{steps: []http.HandlerFunc{tc.step}}
			c := serve(t, s.ServeHTTP)
			_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
			if e := asError(t, err); e.Effect != tc.effect || s.sends() != tc.write || strings.Contains(e.Error(), testToken) {
				t.Errorf("create: %v after %d sends, want %v after %d: %v", e.Effect, s.sends(), tc.effect, tc.write, err)
			}
			before := s.sends()
			_, err = c.AssociateDefault(t.Context(), "contacts", "companies", []Pair{{"1", "2"}})
			if e := asError(t, err); e.Effect != tc.effect || s.sends()-before != tc.safe {
				t.Errorf("associate: %v after %d sends, want %v after %d: %v", e.Effect, s.sends()-before, tc.effect, tc.safe, err)
			}
			before = s.sends()
			_, err = c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false)
			if e := asError(t, err); e.Effect != NoEffect || s.sends()-before != tc.safe {
				t.Errorf("read: %v after %d sends, want %v after %d: %v", e.Effect, s.sends()-before, NoEffect, tc.safe, err)
			}
		})
	}
}

// What answers every call with a page of its own isn't HubSpot, and the error says so; a half of HubSpot's answer is HubSpot's.
func TestNotHubSpot(t *testing.T) {
	for body, want := range map[string]bool{htmlPage: true, good[:20]: false} {
		_, err := serve(t, answerWith(200, body)).BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false)
		if told := strings.Contains(asError(t, err).Error(), "it isn't HubSpot's: check base_url"); told != want {
			t.Errorf("%.10q: %v", body, err)
		}
	}
}

// A write without a readable answer body is in doubt, an archive needs none.
func TestEmptyAnswers(t *testing.T) {
	for _, status := range []int{200, 201, 204} {
		c := serve(t, answerWith(status, ""))
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); asError(t, err).Effect != Unknown {
			t.Errorf("%d: %v has %v, want unknown", status, err, asError(t, err).Effect)
		}
		if _, err := c.BatchArchive(t.Context(), "contacts", []string{"1"}); err != nil {
			t.Error(err)
		}
		if a, err := c.ArchiveAssociations(t.Context(), "a", "b", []Pair{{"1", "2"}}); err != nil || a.HTTPStatus != status {
			t.Error(a, err)
		}
	}
}

// Nothing listens: nothing was done, and after a few attempts the message says what to check.
func TestConnectionRefused(t *testing.T) {
	c := newClient(t, Config{BaseURL: "http://127.0.0.1:1", AccessToken: testToken, Retry: Retry{Backoff: time.Microsecond}})
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); e.Effect != NoEffect || !strings.Contains(e.Error(), "check base_url") || c.Requests() != 0 {
		t.Errorf("%v (%v, %d requests)", err, e.Effect, c.Requests())
	}
}

// A connection that dies before a byte of the request went out has had no effect, and the request goes out again.
func TestUntouchedConnection(t *testing.T) {
	s := &script{steps: []http.HandlerFunc{answerWith(200, good)}}
	broken := 0
	c := serve(t, s.ServeHTTP, func(cfg *Config) {
		cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil || broken == 2 {
				return conn, err
			}
			broken++
			conn.Close()
			return conn, nil
		}
	})
	if _, err := c.BatchCreate(t.Context(), "contacts", oneInput); err != nil || s.sends() != 1 || broken != 2 {
		t.Fatalf("%d sends arrived over 3 connections: %v", s.sends(), err)
	}
}

// Neither net/http nor anything else sends a write again by itself, also when a kept connection turns out to be dead.
func TestNothingIsReplayed(t *testing.T) {
	for _, safeFirst := range []bool{true, false} {
		s := &script{steps: []http.HandlerFunc{answerWith(200, good), cut}}
		c := serve(t, s.ServeHTTP)
		if safeFirst {
			if _, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false); err != nil {
				t.Fatal(err)
			}
		} else {
			s.steps = s.steps[1:]
		}
		before := s.sends()
		_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
		if e := asError(t, err); e.Effect != Unknown || s.sends() != before+1 {
			t.Errorf("%d sends, %v, want one and unknown: %v", s.sends()-before, e.Effect, err)
		}
	}
}

// An answer that doesn't come in time leaves the write in doubt; a slow one is bounded in all, not by byte.
func TestTimeout(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"no headers": func(http.ResponseWriter) {},
		"drip": func(w http.ResponseWriter) {
			w.WriteHeader(200)
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				s := &script{steps: []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
					begin(w)
					<-release
				}}}
				c := serveInMemory(t, s.ServeHTTP, func(cfg *Config) { cfg.Timeout = 30 * time.Millisecond })
				_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
				if e := asError(t, err); e.Effect != Unknown || s.sends() != 1 || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, %d sends: %v", e.Effect, s.sends(), err)
				}
				close(release)
			})
		})
	}
}

// When the caller stops, a request under way is in doubt, and one that waits was never sent.
func TestCancel(t *testing.T) {
	release := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(http.ResponseWriter, *http.Request) { cancel(); <-release })
	_, err := c.BatchCreate(ctx, "contacts", oneInput)
	if e := asError(t, err); e.Effect != Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("under way: %v, %v", e.Effect, err)
	}
	_, err = c.BatchCreate(ctx, "contacts", oneInput)
	if e := asError(t, err); e.Effect != NoEffect || !errors.Is(err, context.Canceled) || c.Requests() != 1 {
		t.Errorf("before: %v, %v, %d requests", e.Effect, err, c.Requests())
	}
	close(release)
}

// An answer without end, packed or not, is given up at the cap.
func TestHugeAnswer(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte(" "), maxAnswer+1))
	z.Close()
	c := serve(t, answerWith(200, packed.String(), "Content-Encoding", "gzip"))
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); e.Effect != Unknown || !errors.Is(err, errTooLarge) {
		t.Errorf("%v: %v", e.Effect, err)
	}
}

// A redirect is not followed, and the token goes nowhere else.
func TestRedirect(t *testing.T) {
	c := serve(t, answerWith(307, "", "Location", "http://127.0.0.1:1/steal?x="+testToken))
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); !strings.Contains(e.Error(), "127.0.0.1:1") || strings.Contains(e.Error(), testToken) || e.Status != 307 {
		t.Error(err)
	}
}

// A run that may have lost its lease sends nothing more, and ends with the reason.
func TestNothingIsSentWithoutPermit(t *testing.T) {
	lost := errors.New("another run has taken over")
	s := &script{steps: []http.HandlerFunc{answerWith(200, good)}}
	permitted := true
	c := serve(t, s.ServeHTTP, func(cfg *Config) {
		cfg.Permit = func(context.Context) error {
			if permitted {
				return nil
			}
			return lost
		}
	})
	if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil || s.sends() != 1 {
		t.Fatalf("with permit: %v after %d sends", err, s.sends())
	}
	permitted = false
	_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); !errors.Is(err, lost) || e.Effect != NoEffect || s.sends() != 1 {
		t.Errorf("without permit: %v after %d sends", err, s.sends())
	}
}

// An answer of 2xx that isn't HubSpot's, or doesn't say that the work is complete, says nothing by what it leaves out: a
// reading that took it for "there is none" would have records made again and other people's labels removed, and an
// archiving would count as done (API.md 5.2 and 5.4).
func TestSilentAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"an empty object": `{}`, "null": `null`, "an error": `{"status":"error","message":"internal error"}`,
		"still pending": `{"status":"PENDING","results":[]}`, "canceled": `{"status":"CANCELED","results":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []http.HandlerFunc{answerWith(200, body)}}
			c := serve(t, s.ServeHTTP)
			if _, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false); err == nil || s.sends() != quick.Attempts {
				t.Errorf("read: %v after %d sends", err, s.sends())
			}
			if _, err := c.ReadAssociations(t.Context(), "contacts", "companies", []string{"1"}); err == nil || s.sends() != 2*quick.Attempts {
				t.Errorf("read associations: %v after %d sends", err, s.sends())
			}
		})
	}
	for name, body := range map[string]string{
		"html": htmlPage, "an error": `{"status":"error","message":"internal error"}`, "pending": `{"status":"PENDING","results":[]}`,
	} {
		s := &script{steps: []http.HandlerFunc{answerWith(200, body)}}
		_, err := serve(t, s.ServeHTTP).BatchArchive(t.Context(), "contacts", []string{"1"})
		if err == nil || asError(t, err).Effect != Unknown {
			t.Errorf("archive answered with %s: %v, want an error of unknown effect", name, err)
		}
	}
}
