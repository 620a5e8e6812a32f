package crm

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A tokenServer trades refresh tokens, each only once, and answers calls with the token that was last given out.
type tokenServer struct {
	t       *testing.T
	mu      sync.Mutex
	asked   int
	trades  int
	life    int // seconds
	revoked bool
	calls   int
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/oauth/2026-09/token" {
		s.trade(w, r)
		return
	}
	s.calls++
	if r.Header.Get("Authorization") != "Bearer access-"+strconv.Itoa(s.trades) {
		answerWith(401, `{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"The OAuth token expired."}`)(w, r)
		return
	}
	answerWith(200, good)(w, r)
}

func (s *tokenServer) trade(w http.ResponseWriter, r *http.Request) {
	s.asked++
	want := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"client"}, "client_secret": {"secret-canary"},
		"refresh_token": {"refresh-" + strconv.Itoa(s.trades)},
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Encode() != want.Encode() || s.revoked {
		answerWith(400, `{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token secret-canary"}`, "Content-Type", "application/json")(w, r)
		return
	}
	s.trades++
	n := strconv.Itoa(s.trades)
	answerWith(200, `{"access_token":"access-`+n+`","refresh_token":"refresh-`+n+`","expires_in":`+strconv.Itoa(s.life)+`,"token_type":"bearer"}`,
		"Content-Type", "application/json")(w, r)
}

func oauth(cfg *Config) {
	cfg.AccessToken = ""
	cfg.OAuth = &OAuth{ClientID: "client", ClientSecret: "secret-canary", RefreshToken: "refresh-0"}
}

// Concurrent workers share one refresh; the token is replaced ahead of its end, and the new refresh token is used, and told
// of without being shown.
func TestOAuthRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{t: t, life: 1800}
		var log bytes.Buffer
		c := serveInMemory(t, s.ServeHTTP, oauth, func(cfg *Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.trades != 1 {
			t.Errorf("%d refreshes for 20 workers, want 1", s.trades)
		}
		for _, step := range []struct {
			after  time.Duration
			trades int
		}{{26 * time.Minute, 1}, {time.Minute + time.Second, 2}} {
			time.Sleep(step.after)
			if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil || s.trades != step.trades {
				t.Errorf("%d refreshes, want %d: %v", s.trades, step.trades, err)
			}
		}
		if got := log.String(); strings.Count(got, "replaced the refresh token") != 2 || strings.Contains(got, "refresh-") || s.calls != 22 {
			t.Errorf("after %d calls it told %s", s.calls, got)
		}
	})
}

// A token that is refused early is replaced once, then the call is made again; a second refusal ends it.
func TestOAuthRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{t: t, life: 1800}
		c := serveInMemory(t, s.ServeHTTP, oauth)
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil {
			t.Fatal(err)
		}
		c.auth.(*refresher).access = "revoked"
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil || s.trades != 2 {
			t.Errorf("after %d refreshes: %v", s.trades, err)
		}
	})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			answerWith(200, `{"access_token":"a","expires_in":1800}`, "Content-Type", "application/json")(w, r)
			return
		}
		answerWith(401, `{"category":"INVALID_AUTHENTICATION"}`)(w, r)
	}, oauth)
	_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); e.Status != 401 || c.Requests() != 2 || !strings.Contains(e.Hint, "authorize it again") {
		t.Errorf("after %d requests: %v", c.Requests(), err)
	}
}

// A dead refresh token is told clearly, without the secrets that the answer repeats.
func TestOAuthDeadRefreshToken(t *testing.T) {
	s := &tokenServer{t: t, revoked: true}
	c := serve(t, s.ServeHTTP, oauth)
	_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
	want := "refresh the oauth token: hubspot answered 400 BAD_REFRESH_TOKEN: missing or unknown refresh token [redacted]; " +
		"check client_id, client_secret and refresh_token; if the app was uninstalled or its access revoked, authorize it again"
	if e := asError(t, err); e.Error() != want || e.Status != 0 || e.Effect != NoEffect || c.Requests() != 0 {
		t.Errorf("%v after %d requests", err, c.Requests())
	}
}

// A dead refresh token is tried once, however many workers need a token: it stays dead.
func TestOAuthDeadRefreshTokenIsTriedOnce(t *testing.T) {
	s := &tokenServer{t: t, revoked: true}
	c := serve(t, s.ServeHTTP, oauth)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
			if e := asError(t, err); !strings.Contains(e.Error(), "BAD_REFRESH_TOKEN") || e.Effect != NoEffect {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
}

// A token endpoint that has a bad moment is asked again.
func TestOAuthTemporaryFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := answerWith(200, `{"access_token":"a","expires_in":1800}`, "Content-Type", "application/json")
		s := &script{steps: []http.HandlerFunc{answerWith(502, htmlPage), token, answerWith(200, good)}}
		c := serveInMemory(t, s.ServeHTTP, oauth)
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil || s.sends() != 3 {
			t.Errorf("%v after %d sends", err, s.sends())
		}
	})
}

// So is one that has its bad moment when a token was refused early: nothing of the call was done, and there is no hurry.
func TestOAuthTemporaryFailureAfterRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := answerWith(200, `{"access_token":"a","expires_in":1800}`, "Content-Type", "application/json")
		expired := answerWith(401, `{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"The OAuth token expired."}`)
		down := answerWith(503, htmlPage)
		s := &script{steps: []http.HandlerFunc{token, expired, down, down, token, answerWith(200, good)}}
		c := serveInMemory(t, s.ServeHTTP, oauth)
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil || s.sends() != 6 {
			t.Errorf("%v after %d sends", err, s.sends())
		}
	})
}

// What New refuses, and why.
func TestConfig(t *testing.T) {
	for _, tc := range []struct {
		cfg  Config
		want string // part of the error; "" for none
	}{
		{Config{AccessToken: "pat"}, ""},
		{Config{AccessToken: " pat\n"}, ""},
		{Config{AccessToken: "pat", BaseURL: "https://api.hubapi.com/"}, ""},
		{Config{AccessToken: "pat", BaseURL: "http://localhost:8080/prefix/"}, ""},
		{Config{AccessToken: "pat", BaseURL: "http://[::1]:8080"}, ""},
		{Config{AccessToken: "pat", BaseURL: "http://127.0.0.9"}, ""},
		{Config{AccessToken: "pat", BaseURL: "http://api.hubapi.com"}, "not safe for a token"},
		{Config{AccessToken: "pat", BaseURL: "http://127.0.0.1.evil.example"}, "not safe for a token"},
		{Config{AccessToken: "pat", BaseURL: "ftp://127.0.0.1"}, "not safe for a token"},
		{Config{AccessToken: "pat", BaseURL: "https://"}, "needs a host"},
		{Config{AccessToken: "pat", BaseURL: "api.hubapi.com"}, "needs a host"},
		{Config{AccessToken: "pat", BaseURL: "https://x?y=z"}, "nothing after the path"},
		{Config{AccessToken: "pat", BaseURL: "https://u:secret-canary@x"}, "access_token"},
		{Config{AccessToken: "pat", BaseURL: "https://u:secret-canary@x:y:z%"}, "can't be read"},
		{Config{AccessToken: "pat", Version: "2025-09"}, "expected one of 2026-09, 2026-03, v3"},
		{Config{}, "no access token"},
		{Config{AccessToken: "Bearer pat"}, "blanks"},
		{Config{AccessToken: "pat", OAuth: &OAuth{}}, "one of them"},
		{Config{OAuth: &OAuth{ClientID: "a"}}, "refresh_token"},
	} {
		_, err := New(tc.cfg)
		if (err == nil) != (tc.want == "") || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%+v: %v, want %q", tc.cfg, err, tc.want)
		}
	}
}
