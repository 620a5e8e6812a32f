package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"sluice/pipeline/state"
)

// TestKeysAsArguments proves that a key stands in the list of rejects as a shell takes it for an argument.
func TestKeysAsArguments(t *testing.T) {
	bash, _ := exec.LookPath("bash")
	for key, want := range map[string]string{
		"":                     "",
		"10248":                "10248",
		"ann@example.com":      "ann@example.com",
		"Åse-1":                "Åse-1",
		" 2 ":                  "' 2 '",
		"Ann Smith":            "'Ann Smith'",
		"it's":                 `'it'\''s'`,
		`a"b`:                  `'a"b'`,
		`a\b`:                  `'a\b'`,
		"$HOME":                "'$HOME'",
		`["1","x"]`:            `'["1","x"]'`,
		"a\tb\n":               `$'a\tb\n'`,
		"it's \"a\\n\"\x1b[2J": `$'it\'s "a\\n"\x1b[2J'`,
		"\xff":                 `$'\xff'`,
		"\ufffd":               "'\ufffd'",
	} {
		if got := argument(key); got != want {
			t.Errorf("%q: got %s, want %s", key, got, want)
		}
		var out bytes.Buffer
		if err := printRejects(&out, []state.DeadLetter{{ID: 1, Pipeline: "p", Place: "f:1", Key: key, Stage: "sink", Code: "c", State: "open", Message: "m"}}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "  "+want+"  ") {
			t.Errorf("%q: the list shows %s", key, out.String())
		}
		if bash == "" || key == "" {
			continue
		}
		if read, err := exec.Command(bash, "-c", "printf %s "+argument(key)).Output(); err != nil || string(read) != key {
			t.Errorf("%q: the shell reads %q, %v", key, read, err)
		}
	}
}
