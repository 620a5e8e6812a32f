package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// varies is what differs from one run of an example to the next: times, and ids that HubSpot gives.
var varies = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(record|deals) \d+`)

// What README.md shows of a row is what the program says of it, after the run of the same section, but for times and ids.
func TestReadmeExplainsARow(t *testing.T) {
	text := section(readReadme(t), "## Commands")
	block := func(pattern string) string {
		found := regexp.MustCompile("(?s)```\\w*\n" + pattern + "```").FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("README.md has no block of %q: nothing is proved", pattern)
		}
		return found[1]
	}
	files := map[string]string{"deals.csv": block(`\$ cat deals\.csv\n(.*?)`), "pipelines.yaml": block(`(version: 1\n.*?)`)}
	shown := block(`\$ sluice explain deals D-1001 --sandbox\n(.*?)`)
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said, logged bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	if code := Main([]string{"run", "--sandbox"}, &said, &logged, none, nil); code != exitRejects {
		t.Fatalf("run ended with code %d:\n%s", code, logged.String())
	}
	said.Reset()
	if code := Main([]string{"explain", "deals", "D-1001", "--sandbox"}, &said, &logged, none, nil); code != exitDone {
		t.Fatalf("explain ended with code %d:\n%s", code, logged.String())
	}
	plain := func(text string) []string { return strings.Split(varies.ReplaceAllString(text, "…"), "\n") }
	if diff := cmp.Diff(plain(shown), plain(said.String())); diff != "" {
		t.Errorf("README.md shows another explanation (-README.md +sluice explain):\n%s", diff)
	}
}
