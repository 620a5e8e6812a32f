package mutations

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var size = flag.String("size", "test", "which mutants are run: test (a fixed sample), small or full (all of them, after their tests were seen to pass)")

// sampled is how many mutants the sample has.
const sampled = 3

// patience is how long the tests of one mutant may take. That they end is part of being caught: what hangs isn't told.
const patience = 3 * time.Minute

func load(t *testing.T) []*Mutation {
	t.Helper()
	list, err := Load(os.DirFS("bugs"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestMutationsFit proves that none has rotted: each is applied to the code as it is, and names its tests.
func TestMutationsFit(t *testing.T) {
	list := load(t)
	const least = 65
	if len(list) < least {
		t.Errorf("%d mutations, expected at least %d", len(list), least)
	}
	for _, m := range list {
		if len(m.Catch) == 0 {
			t.Errorf("%s: no test is named that catches it", m.Name)
		}
	}
	unsafe, err := Load(os.DirFS("unsafe")) // what the cost of safety is measured with
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(list, unsafe...) {
		if _, err := Apply(moduleRoot(t), m); err != nil {
			t.Error(err)
		}
	}
}

// TestMutantsAreCaught proves that the tests notice the bugs: each mutant compiles, and every test that is named for it
// fails, because of what it asserts.
func TestMutantsAreCaught(t *testing.T) {
	if os.Getenv("SLUICE_TEST_POSTGRES") == "" {
		t.Fatal("no Postgres to test with, and what fails for want of it has caught nothing: run `.ci/with-postgres go test ./torture/mutations`")
	}
	list := load(t)
	if *size == "test" {
		list = sample(list)
	} else {
		t.Run("none", func(t *testing.T) { testsPass(t, list) })
	}
	for _, m := range list {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			overlay, err := Overlay(moduleRoot(t), dir, m)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range m.Catch {
				out, failed := runTests(t, filepath.Join(dir, fmt.Sprint(i)), c, "-overlay", overlay)
				t.Logf("%s: %s", m.Why, verdict(out))
				if !failed {
					t.Errorf("nobody has noticed: %s\ngo test ./%s -run '%s'\n%s", m.Why, c.Package, c.Run, last(out))
				} else if !assertion.MatchString(out) {
					t.Errorf("noticed, but not by an assertion: %s\n%s", m.Why, last(out))
				}
			}
		})
	}
}

// assertion is how a test says that it has failed, rather than that it was cut off.
var assertion = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// verdict names the tests that have failed.
func verdict(out string) string {
	var names []string
	for _, found := range assertion.FindAllStringSubmatch(out, -1) {
		if name, _, _ := strings.Cut(found[1], "/"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return "caught by " + strings.Join(names, ", ")
}

// sample returns some of the mutations, from all over the list.
func sample(list []*Mutation) []*Mutation {
	var some []*Mutation
	for i := range min(sampled, len(list)) {
		some = append(some, list[i*len(list)/sampled])
	}
	return some
}

// testsPass fails unless the tests that catch mutants pass without them: a test that always fails catches nothing.
func testsPass(t *testing.T, list []*Mutation) {
	t.Helper()
	patterns := map[string][]string{}
	for _, m := range list {
		for _, c := range m.Catch {
			patterns[c.Package] = append(patterns[c.Package], c.Run)
		}
	}
	for pkg, patterns := range patterns {
		out, failed := runTests(t, filepath.Join(t.TempDir(), "tests"), Catch{Package: pkg, Run: strings.Join(patterns, "|")})
		if failed {
			t.Fatalf("%s: tests fail without a mutation:\n%s", pkg, last(out))
		}
	}
}

// runTests builds a package's tests as binary, which must succeed, runs some of them, and tells whether they failed.
func runTests(t *testing.T, binary string, c Catch, flags ...string) (out string, failed bool) {
	t.Helper()
	pkg := filepath.Join(moduleRoot(t), c.Package)
	// Without what debuggers read, which takes the linker longer than the rest.
	build := exec.Command("go", append(append([]string{"test", "-c", "-ldflags=-s -w", "-o", binary}, flags...), ".")...)
	build.Dir = pkg
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s doesn't build: %v\n%s", c.Package, err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := exec.CommandContext(ctx, binary, append([]string{"-test.run", c.Run, "-test.failfast"}, c.Args...)...)
	run.Dir = pkg
	var text bytes.Buffer
	run.Stdout, run.Stderr, run.WaitDelay = &text, &text, time.Second
	err := run.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "no tests to run") {
		t.Fatalf("%s has no test %q", c.Package, c.Run)
	}
	return text.String(), err != nil
}

// last returns the end of a long text.
func last(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}
