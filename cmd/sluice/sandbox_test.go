package main

import (
	"testing"

	"sluice/pipeline"
)

// TestARunThatIsHeldOffLeavesTheSandbox proves that a run which finds another one going on writes nothing over what that makes.
func TestARunThatIsHeldOffLeavesTheSandbox(t *testing.T) {
	for want, reports := range map[bool][]pipeline.Report{
		false: {{Status: "held"}, {Status: "skipped"}},
		true:  {{Status: "interrupted"}, {Status: "held"}},
	} {
		if got := anyRan(reports); got != want {
			t.Errorf("%v: %v, want %v", reports, got, want)
		}
	}
	if anyRan(nil) {
		t.Error("a run that couldn't begin is said to have written")
	}
}

// TestTwoInOneSandbox proves that of two commands which use the sandbox at the same time the later one doesn't put what it read at
// its beginning over what the other has written: the ledger knows of that.
func TestTwoInOneSandbox(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, what := range []string{"a new sandbox", "one that was there"} {
		first, err := openSandbox(false)
		if err != nil {
			t.Fatal(err)
		}
		second, err := openSandbox(false)
		if err != nil {
			t.Fatal(err)
		}
		if err := first.close(); err != nil {
			t.Errorf("%s: the first ends with %v", what, err)
		}
		if err := second.close(); err == nil {
			t.Errorf("%s: the second writes over what the first has written", what)
		}
	}
}
