package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An example is a chapter of README.md whose files are in the current folder.
type example struct {
	*testing.T
	text string
}

// newExample puts the chapter's CSV file and its pipelines.yaml into a folder, and goes there.
func newExample(t *testing.T, chapter, csv string) *example {
	t.Helper()
	e := &example{t, section(readReadme(t), chapter)}
	files := map[string]string{csv: e.block(`\$ cat ` + regexp.QuoteMeta(csv) + `\n(.*?)`), "pipelines.yaml": e.block(`(version: 1\n.*?)`)}
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// block returns what the pattern finds as a block of the chapter.
func (e *example) block(pattern string) string {
	e.Helper()
	found := regexp.MustCompile("(?s)```\\w*\n" + pattern + "```").FindStringSubmatch(e.text)
	if found == nil {
		e.Fatalf("README.md has no block of %q: nothing is proved", pattern)
	}
	return found[1]
}

// sluice runs a command in the sandbox, without any environment, and returns what it prints.
func (e *example) sluice(code int, args ...string) string {
	e.Helper()
	var said, logged bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	if got := Main(append(args, "--sandbox"), &said, &logged, none, nil); got != code {
		e.Fatalf("%s ended with code %d:\n%s", args[0], got, logged.String())
	}
	return said.String()
}

// shows compares what the chapter shows of a command with what it prints, but for what varies from one run to the next.
func (e *example) shows(args ...string) {
	e.Helper()
	shown := e.block(`\$ sluice ` + strings.Join(args, " ") + ` --sandbox\n(.*?)`)
	plain := func(text string) []string { return strings.Split(varies.ReplaceAllString(text, "…"), "\n") }
	if diff := cmp.Diff(plain(shown), plain(e.sluice(exitDone, args...))); diff != "" {
		e.Errorf("README.md shows something else (-README.md +sluice):\n%s", diff)
	}
}

// varies is what differs from one run of an example to the next: times, and ids that HubSpot gives.
var varies = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(record|deals) \d+|\d+\.\d\d\n`)

// What README.md shows of a row is what the program says of it, after the run of the same section.
func TestReadmeExplainsARow(t *testing.T) {
	e := newExample(t, "## Commands", "deals.csv")
	e.sluice(exitRejects, "run")
	e.shows("explain", "deals", "D-1001")
}

// The first file of one's own is planned as README.md shows it, and is written.
func TestReadmeBeginsWithAFile(t *testing.T) {
	e := newExample(t, "### Your own file", "people.csv")
	e.shows("plan")
	e.sluice(exitDone, "run")
}
