package crm

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeadersAreBounded proves that an answer whose headers don't end is given up, by their size.
func TestHeadersAreBounded(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 40 {
			w.Header().Set("X-Padding-"+strconv.Itoa(i), strings.Repeat("x", 64<<10))
		}
		_, _ = io.WriteString(w, good)
	})
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); e.Effect != Unknown || len(e.Error()) > 1000 {
		t.Errorf("%v: %v", e.Effect, err)
	}
}

// TestSlowAnswersAreBounded proves that a server that sends headers, or a body, byte by byte is waited for no longer than
// the timeout in all.
func TestSlowAnswersAreBounded(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
	for name, begin := range map[string]int{"headers": 0, "body": len(answer)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := serveInMemory(t, func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					_, err = io.WriteString(conn, answer[:begin])
					for i := begin; err == nil; i++ {
						time.Sleep(time.Second)
						_, err = conn.Write([]byte{(answer + strings.Repeat(" ", 5000))[i]})
					}
				}, func(cfg *Config) { cfg.Timeout = 20 * time.Second })
				began := time.Now()
				_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
				if e := asError(t, err); e.Effect != Unknown || time.Since(began) > 21*time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				time.Sleep(2 * time.Second) // the server finds out
				synctest.Wait()
			})
		})
	}
}

// TestTokenEndpointIsBounded proves that an endpoint for tokens that never ends its answer is waited for no longer than one
// that writes, and that its answer isn't kept.
func TestTokenEndpointIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, `{"access_token":"`)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		}, oauth, func(cfg *Config) { cfg.Timeout, cfg.Retry = 20*time.Second, Retry{Attempts: 1} })
		began := time.Now()
		_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
		if e := asError(t, err); e.Effect != NoEffect || time.Since(began) > 21*time.Second || strings.Contains(e.Error(), "access_token\":") {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(2 * time.Second) // the server finds out
		synctest.Wait()
	})
}
