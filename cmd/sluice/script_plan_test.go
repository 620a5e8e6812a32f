package main

import (
	"encoding/json"
	"regexp"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"sluice/pipeline"
)

// asPlanned FILE compares the document of run --json on stdout with that of plan --json in a file: of every pipeline, every
// counter and the number of requests must be as planned.
func asPlanned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: asplanned file")
	}
	var plans struct{ Pipelines []pipeline.Plan }
	var reports struct{ Pipelines []pipeline.Report }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &plans))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &reports))
	numbers := func(name string, n ...int64) map[string][]int64 { return map[string][]int64{name: n} }
	var planned, done []map[string][]int64
	for _, p := range plans.Pipelines {
		planned = append(planned, numbers(p.Name, p.Read, p.Write, p.Unchanged, p.Filtered, p.Superseded, p.Reject, p.Hold, p.Link, p.Unlink, p.Park, p.Requests))
	}
	for _, r := range reports.Pipelines {
		done = append(done, numbers(r.Name, r.Read, r.Written, r.Unchanged, r.Filtered, r.Superseded, r.Rejected, r.Held, r.Linked, r.Unlinked, r.Parked, r.Requests))
	}
	if diff := cmp.Diff(planned, done); diff != "" {
		ts.Fatalf("read, written, unchanged, filtered, superseded, rejected, held, linked, unlinked, parked, requests (-planned +done):\n%s", diff)
	}
}

var seconds = regexp.MustCompile(`(?m)\d+\.\d\d$`)

// timeless FILE FILE compares two outputs but for the seconds at the ends of a table's lines.
func timeless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: timeless file file")
	}
	got, want := seconds.ReplaceAllString(ts.ReadFile(args[0]), "0.00"), ts.ReadFile(args[1])
	if diff := cmp.Diff(want, got); diff != "" {
		ts.Fatalf("%s (-want +got):\n%s", args[0], diff)
	}
}
