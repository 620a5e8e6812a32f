package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hold PATH puts a server before the simulator, its URL into $HUBSPOT_BASE_URL, that keeps the first request whose path holds
// PATH, and those like it that come after it, until let go. held waits until there is one, and letgo lets them go.
func holdRequest(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	behind, err := url.Parse(s.url)
	ts.Check(err)
	held, free := make(chan struct{}), make(chan struct{})
	var first sync.Once
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, args[0]) {
			first.Do(func() { close(held); <-free })
		}
		proxy.ServeHTTP(w, r)
	}))
	s.held, s.letGo = held, sync.OnceFunc(func() { close(free) })
	ts.Defer(server.Close)
	ts.Defer(s.letGo)
	ts.Setenv("HUBSPOT_BASE_URL", server.URL)
}

func awaitHeld(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case <-simOf(ts).held:
	case <-time.After(time.Minute):
		ts.Fatalf("no such request came")
	}
}

func letGo(ts *testscript.TestScript, _ bool, _ []string) { simOf(ts).letGo() }
