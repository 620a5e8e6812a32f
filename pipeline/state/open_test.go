package state

import (
	"context"
	"strings"
	"testing"
	"time"
)

// An error of Open says what is expected, and never shows a password.
func TestOpenRefuses(t *testing.T) {
	const secret = "hunter2"
	for url, want := range map[string]string{
		"":                                       "no URL",
		"state.db":                               "no scheme",
		`C:\state.db`:                            "no scheme",
		"mysql://u:hunter2@h/":                   `unknown scheme "mysql"`,
		"sqlite:":                                "names no file",
		"sqlite::memory:":                        "names no file",
		"postgres://u:hunter2@h:port/d":          "bad Postgres URL",
		"postgres://u:#hunter2@127.0.0.1:1/d":    "open state",
		"postgres://u:hunter2%zz@h/d":            "bad Postgres URL",
		"postgres://u:hunter2@h/d?sslmode=never": "sslmode",
		"postgres://h/d?password=hunter2&sslmode=never":             "sslmode",
		"host=h password='hunter2 sslmode=x":                        "bad Postgres URL",
		"host=h password=hunter2 sslmode=never":                     "sslmode",
		"host=h password = 'hunter2' connect_timeout=soon":          "connect_timeout",
		"postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=1":      "connect",
		"host=127.0.0.1 port=1 user=u password=hunter2 dbname=none": "connect",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		s, err := Open(ctx, url)
		cancel()
		if err == nil {
			s.Close()
			t.Errorf("Open(%q) is fine", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "open state: ") {
			t.Errorf("Open(%q): %v; want %q", url, err, want)
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), secret[:4]) {
			t.Errorf("Open(%q) shows the password: %v", url, err)
		}
	}
}
