package config

import (
	"bytes"
	"github.com/google/go-cmp/cmp"
	"strings"
	"testing"
)

// TestPrint proves that the marker stands below the token, whatever stands before it.
func TestPrint(t *testing.T) {
	source := "a: 1\n\t日本e\u0301: \x1b[31mbad\n" + strings.Repeat("x", 300) + "bad"
	diags := Diagnostics{
		{File: "f", Line: 2, Col: 13, EndCol: 16, Message: "m"},
		{File: "f", Line: 3, Col: 301, EndCol: 304, Message: "m", Hint: "h"},
		{File: "f", Line: 9, Col: 1, EndCol: 2, Path: "p", Message: "m"},
	}
	var got bytes.Buffer
	if err := diags.Print(&got, []byte(source)); err != nil {
		t.Fatal(err)
	}
	want := "f:2:13: m\n  |\n2 | \t日本e\u0301: ·[31mbad\n  | \t" + strings.Repeat(" ", 12) + "^~~\n" +
		"\nf:3:301: m\n  |\n3 | " + strings.Repeat("x", 50) + "bad\n  | " + strings.Repeat(" ", 50) + "^~~\nhint: h\n" +
		"\nf:9:1: p: m\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBytes proves what becomes of files that aren't plain UTF-8 text.
func TestBytes(t *testing.T) {
	parse(t, "\ufeff"+strings.ReplaceAll(example, "\n", "\r\n"))
	for source, want := range map[string]string{
		"version: 1\nstate: \xe9\n":  "f:2:8: byte 0xe9 isn't UTF-8",
		"version: 1\nstate: a\x00\n": "f:2:1: syntax error: control characters are not allowed",
		"version: 1\npipelines:\n  a:\n    source:\n      csv: p.csv\n\tkey: id\n": "f:6:1: syntax error: found a tab character that violates indentation",
		"version: 1\npipelines:\n  a:\n\t  source: x\n":                            "f:4:1: syntax error: found character that cannot start any token",
		"version: 1\nstate: *x\n":                                                  "f:2:1: alias *x: aliases aren't supported",
	} {
		if _, diags := Parse("f", []byte(source), testKinds, nil); diags.Error() != want {
			t.Errorf("%q: got %s, want %s", source, diags, want)
		}
	}
}
