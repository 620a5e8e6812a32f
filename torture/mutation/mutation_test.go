package mutation

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var root = filepath.Join("..", "..")

// everyDay are the mutations that each test run seeds; all of them are seeded with the build tag torture.
var everyDay = []string{"ack-unmatched", "checkpoint-before-outcome", "commit-unfenced", "intent-missing", "newer-version-too-early", "redirect-followed"}

func read(t *testing.T) []Mutation {
	t.Helper()
	list, err := Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Every mutation still fits the program: none has rotted.
func TestMutationsFit(t *testing.T) {
	list := read(t)
	if len(list) < 24 {
		t.Errorf("there are %d mutations, want at least 24", len(list))
	}
	for i := range list {
		if _, err := Overlay(root, t.TempDir(), list[i]); err != nil {
			t.Error(err)
		}
	}
	for _, name := range everyDay {
		if !slices.ContainsFunc(list, func(m Mutation) bool { return m.Name == name }) {
			t.Errorf("there is no mutation %q", name)
		}
	}
}

func TestParse(t *testing.T) {
	const good = "why: w\nfile: f.go\npackage: ./p\nrun: TestX\n-- old --\na\n-- new --\nb\n"
	m, err := Parse("n", []byte(good))
	if err != nil || m.Why != "w" || m.File != "f.go" || m.Package != "./p" || m.Run != "TestX" {
		t.Fatalf("%+v, %v", m, err)
	}
	if text, err := m.Apply("x\na\ny\n"); text != "x\nb\ny\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for _, text := range []string{"x\n", "a\na\n"} {
		if _, err := m.Apply(text); err == nil {
			t.Errorf("applies to %q", text)
		}
	}
	for _, bad := range []string{"", strings.Replace(good, "why: w\n", "", 1), strings.Replace(good, "why", "because", 1),
		strings.Replace(good, "-- new --\nb\n", "", 1), strings.Replace(good, "b\n", "a\n", 1)} {
		if _, err := Parse("n", []byte(bad)); err == nil {
			t.Errorf("accepted:\n%s", bad)
		}
	}
}

// The tests that are to find the bugs of every day find them.
func TestMutationsOfEveryDay(t *testing.T) {
	for _, m := range read(t) {
		if slices.Contains(everyDay, m.Name) {
			t.Run(m.Name, func(t *testing.T) { caught(t, m) })
		}
	}
}

// caught fails unless the mutation's tests fail with it, for what they assert.
func caught(t *testing.T, m Mutation) {
	overlay, err := Overlay(root, t.TempDir(), m)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-timeout", "5m", "-run", m.Run, m.Package)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err == nil:
		t.Errorf("not caught: %s\nreplay: go test ./torture/mutation -tags torture -run '%s'\n%s", m.Why, t.Name(), text)
	case !strings.Contains(text, "--- FAIL"):
		t.Errorf("its tests can't run:\n%s", text)
	}
}
