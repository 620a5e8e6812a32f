package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline/config"
)

var update = flag.Bool("update", false, "write the parts of README.md that are made from the code")

var readmePath = filepath.Join("..", "..", "README.md")

// A made part of README.md stands between two comments, the first of which says what it is.
var madePart = regexp.MustCompile(`(?s)(<!-- made: ([^>]*) -->\n)(.*?)(<!-- end -->)`)

// What README.md says of options, flags and dependencies is what the code says.
func TestReadmeIsUpToDate(t *testing.T) {
	text := readReadme(t)
	made := 0
	fresh := madePart.ReplaceAllStringFunc(text, func(part string) string {
		m := madePart.FindStringSubmatch(part)
		content, err := makePart(m[2])
		if err != nil {
			t.Fatalf("<!-- made: %s -->: %v", m[2], err)
		}
		made++
		return m[1] + "\n" + content + "\n" + m[4]
	})
	for _, want := range madeParts() {
		if !strings.Contains(text, "<!-- made: "+want+" -->") {
			t.Errorf("README.md doesn't show %q", want)
		}
	}
	if made == 0 || fresh == text {
		return
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("README.md is stale (-is +should be); run: go test ./cmd/sluice -run Readme -update\n%s", cmp.Diff(text, fresh))
}

// madeParts are the parts that README.md must have.
func madeParts() []string {
	list := []string{"help run", "help plan", "help explain", "help verify", "help reconcile", "help provision", "help simulate", "help test", "keys", "tests"}
	for _, r := range config.References(kinds) {
		list = append(list, "options "+r.Part+" "+r.Name)
	}
	return list
}

// makePart returns the content of a made part.
func makePart(what string) (string, error) {
	words := strings.Fields(what)
	switch {
	case len(words) == 2 && words[0] == "help":
		return "```\n" + help(words[1]) + "```\n", nil
	case what == "tests":
		return testTable(), nil
	case what == "keys":
		return keyTable(), nil
	case len(words) == 3 && words[0] == "options":
		list, err := chooseKinds(config.References(kinds), words[1:])
		if err != nil {
			return "", err
		}
		return optionTable(list[0].Options), nil
	}
	return "", fmt.Errorf("nothing is called that: there are %q", madeParts())
}

// help returns what a command says of itself.
func help(command string) string {
	var out bytes.Buffer
	Main([]string{command, "-h"}, &out, &out, func(string) (string, bool) { return "", false }, nil)
	return strings.ReplaceAll(out.String(), "\t", "  ")
}

// optionTable returns the options of a kind as a Markdown table.
func optionTable(options []config.Option) string {
	var b strings.Builder
	b.WriteString("| option | value | default | meaning |\n|---|---|---|---|\n")
	for _, o := range flatten("", options) {
		fallback := o.fallback
		if o.Default != "" {
			fallback = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.name, o.value, fallback, markdown.Replace(o.Doc))
	}
	return b.String()
}

// keyTable returns the keys of the file and of a pipeline as a Markdown table.
func keyTable() string {
	var b strings.Builder
	b.WriteString("| key | meaning |\n|---|---|\n")
	for _, o := range config.Options(&config.Spec{}) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.Name, markdown.Replace(o.Doc))
	}
	for _, o := range config.Options(&config.Pipeline{}) {
		fmt.Fprintf(&b, "| `pipelines.NAME.%s` | %s |\n", o.Name, markdown.Replace(o.Doc))
	}
	return b.String()
}

// testTable returns the keys of a test as a Markdown table.
func testTable() string {
	var b strings.Builder
	b.WriteString("| key of a test | meaning |\n|---|---|\n")
	for _, o := range flatten("", config.Options(&config.Test{})) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.name, markdown.Replace(o.Doc))
	}
	return b.String()
}

// markdown escapes what Markdown would act on in a table.
var markdown = strings.NewReplacer("|", `\|`, "*", `\*`)

// Every file of pipelines that README.md shows is one that the program reads.
func TestReadmeShowsFilesThatAreRight(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readReadme(t), -1)
	shown := 0
	for _, block := range blocks {
		if !strings.Contains(block[1], "version: 1\n") {
			continue
		}
		shown++
		text := regexp.MustCompile(`\$\{file:[^}]*\}`).ReplaceAllString(block[1], "$${HUBSPOT_ACCESS_TOKEN}") // the files aren't there
		_, problems := config.Parse("README.md", []byte(text), kinds, func(name string) (string, bool) {
			return "secret", name == "HUBSPOT_ACCESS_TOKEN" || name == "HUBSPOT_CLIENT_ID"
		})
		if len(problems) > 0 {
			var out bytes.Buffer
			_ = problems.Print(&out, []byte(block[1]))
			t.Error(out.String())
		}
	}
	if shown == 0 {
		t.Error("README.md shows no file with pipelines: nothing was proved")
	}
}

// The tests of pipelines that README.md shows pass.
func TestReadmeShowsTestsThatPass(t *testing.T) {
	shown := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readReadme(t), -1) {
		if !strings.Contains(block[1], "\n    tests:") {
			continue
		}
		shown++
		file := filepath.Join(t.TempDir(), "pipelines.yaml")
		if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if code := Main([]string{"test", "-f", file}, &out, &out, func(string) (string, bool) { return "", false }, nil); code != 0 {
			t.Errorf("code %d\n%s", code, out.String())
		}
	}
	if shown == 0 {
		t.Error("README.md shows no tests of pipelines: nothing was proved")
	}
}

// README.md names each direct dependency of go.mod once, with its reason, and no other.
func TestReadmeNamesEveryDependency(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		want = append(want, m[1])
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9.]+/[^`]+|[a-z0-9.]+\\.v[0-9]+)` \\| \\S.* \\|$").FindAllStringSubmatch(section(readReadme(t), "## Dependencies"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dependencies (-go.mod +README.md):\n%s", diff)
	}
}

// README.md shows the version of the state's tables that the program makes.
func TestReadmeShowsTheVersionOfTheTables(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "migrations", "sqlite", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no migrations: %v", err)
	}
	for _, want := range []string{"from version 0 to %d\n", "are at version %d already\n"} {
		if want = fmt.Sprintf(want, len(files)); !strings.Contains(readReadme(t), want) {
			t.Errorf("README.md doesn't show %q", want)
		}
	}
}

// What README.md links to is there.
func TestReadmeLinksLeadSomewhere(t *testing.T) {
	text := readReadme(t)
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", "..", m[1])); err != nil {
			t.Errorf("README.md links to %s: %v", m[1], err)
		}
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		headings[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !headings[m[1]] {
			t.Errorf("README.md links to #%s, which is no heading", m[1])
		}
	}
}

// section returns the part of a Markdown text under a heading, up to the next one of the same level.
func section(text, heading string) string {
	_, rest, _ := strings.Cut(text, "\n"+heading+"\n")
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

func readReadme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
