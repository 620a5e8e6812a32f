package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"sluice/pipeline/config"
)

// A testFlags is what the flags of test say.
type testFlags struct {
	run  string
	json bool
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [pipeline...]",
		Short: "Run the tests that the file has of its pipelines",
		Long: `Run the tests of the named pipelines, or of all. The rows of a test take the place of the source: they go through the
pipeline's transforms and its sink to an empty HubSpot in this process, and what is there then is compared with what the
test expects. No source, state or account is touched, and nothing but the file is read.

Exit codes: 0 all passed, 1 some failed, 2 the file or the arguments are wrong.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.test(cmd.Context(), args, f)
		},
	}
	cmd.Flags().StringVar(&f.run, "run", "", "only tests whose name (pipeline/name) a regular expression matches")
	jsonFlag(cmd, &f.json, "tests", "end with one JSON document on stdout")
	return cmd
}

// A testResult is what became of one test.
type testResult struct {
	Pipeline string   `json:"pipeline"`
	Name     string   `json:"name"`
	Place    string   `json:"place"` // file:line
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
	Seconds  float64  `json:"seconds"`
}

func (a *app) test(ctx context.Context, names []string, f testFlags) (err error) {
	chosen, err := regexp.Compile(f.run)
	if err != nil {
		return input(fmt.Errorf("--run: %w", err))
	}
	start := time.Now()
	spec, err := a.load((&sandbox{}).lookup(a.lookup)) // credentials needn't be set
	if err != nil {
		return err
	}
	list, err := spec.Order(names, false)
	if err != nil {
		return input(err)
	}
	folder, err := os.MkdirTemp("", "sluice-test-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	results, err := a.runTests(ctx, folder, spec, list, chosen, f)
	if err != nil {
		return err
	}
	return a.tellTests(results, f, time.Since(start))
}

// runTests runs the tests of pipelines whose names are chosen, and tells of each as it ends, unless JSON is asked for.
func (a *app) runTests(ctx context.Context, folder string, spec *config.Spec, list []config.Pipeline, chosen *regexp.Regexp, f testFlags) ([]testResult, error) {
	results := []testResult{}
	for _, p := range list {
		for i := range p.Tests {
			t := &p.Tests[i]
			if !chosen.MatchString(p.Name + "/" + t.Name) {
				continue
			}
			r, err := a.runTest(ctx, folder, spec, p, t)
			if err != nil {
				return nil, err
			}
			results = append(results, r)
			if !f.json {
				a.printTest(r)
			}
		}
	}
	return results, nil
}

// tellTests ends the command: with the sum of the results, and an error if a test failed.
func (a *app) tellTests(results []testResult, f testFlags, took time.Duration) (err error) {
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	switch {
	case f.json:
		err = a.printJSON(map[string]any{"tests": results, "failed": failed})
	case len(results) == 0 && f.run != "":
		return input(fmt.Errorf("--run: no test is called %q", f.run))
	case len(results) == 0:
		fmt.Fprintln(a.stdout, "no tests: write them under tests: of a pipeline")
	default:
		fmt.Fprintf(a.stdout, "%s, %d failed, %.2f s\n", count(int64(len(results)), "test", "tests"), failed, took.Seconds())
	}
	if failed > 0 {
		err = errors.Join(err, &exitError{code: exitFailed})
	}
	return err
}

// runTest runs one test and times it.
func (a *app) runTest(ctx context.Context, folder string, spec *config.Spec, p config.Pipeline, t *config.Test) (testResult, error) {
	start := time.Now()
	failures, err := a.trial(ctx, folder, spec, p, t)
	return testResult{
		Pipeline: p.Name, Name: t.Name, Place: fmt.Sprintf("%s:%d", spec.File, t.Line),
		Passed: len(failures) == 0, Failures: failures, Seconds: time.Since(start).Seconds(),
	}, err
}

// printTest prints a line for a test, and below it what isn't as expected.
func (a *app) printTest(r testResult) {
	if r.Passed {
		fmt.Fprintf(a.stdout, "ok    %s/%s (%.2f s)\n", r.Pipeline, r.Name, r.Seconds)
		return
	}
	fmt.Fprintf(a.stdout, "FAIL  %s/%s (%s)\n", r.Pipeline, r.Name, r.Place)
	for _, failure := range r.Failures {
		fmt.Fprintf(a.stdout, "      %s\n", failure)
	}
}
