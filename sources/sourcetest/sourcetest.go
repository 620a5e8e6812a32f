// Package sourcetest is the conformance suite of sources: what pipeline.Source promises, put to the test.
package sourcetest

import (
	"context"
	"testing"

	"sluice/pipeline"
)

// Run tests that the source which open returns keeps the promises of pipeline.Source. open is called many times and
// must return a new source over the same rows each time; the suite closes it.
//
// The suite resumes at every position that the source yields, so give it several: more than twice
// pipeline.BatchRows rows, some of them rejects where the source has such. Because it looks for goroutines and
// files that were left open, nothing else may run at the same time: don't call it from a parallel test.
func Run(t *testing.T, open func(ctx context.Context) (pipeline.Source, error)) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

type openFunc = func(ctx context.Context) (pipeline.Source, error)

// A check takes a testing.TB, so that the suite's own tests can see it fail.
type check struct {
	name string
	run  func(t testing.TB, open openFunc)
}

func checks() []check {
	return []check{
		{"schema", checkSchema},
		{"rows", checkRows},
		{"positions", checkPositions},
		{"steps", checkSteps},
		{"break", checkBreak},
		{"cancel", checkCancel},
		{"kept", checkKept},
		{"garbage", checkGarbage},
		{"room", checkRoom},
	}
}

// start opens a source that is closed by the function it returns.
func start(t testing.TB, open openFunc) (pipeline.Source, func()) {
	t.Helper()
	src, err := open(t.Context())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return src, func() {
		t.Helper()
		if err := src.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
