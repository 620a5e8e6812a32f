package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/pipeline"
)

// A planFile is a file that a plan is saved to. It takes its place once it is whole.
type planFile struct {
	*pipeline.PlanWriter
	file *os.File
	path string
}

// newPlanFile begins to save a plan. Nobody else may read it: it has the keys of rows.
func newPlanFile(path string) (*planFile, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".plan-*") // with mode 0600
	if err != nil {
		return nil, fmt.Errorf("save the plan: %w", err)
	}
	f := &planFile{file: file, path: path}
	if f.PlanWriter, err = pipeline.NewPlanWriter(file, time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("save the plan: %w", err), f.discard())
	}
	return f, nil
}

// end puts the plan in its place, or throws it away.
func (f *planFile) end(keep bool) error {
	if !keep {
		return f.discard()
	}
	err := errors.Join(f.PlanWriter.Close(), f.file.Sync())
	if err == nil {
		err = errors.Join(f.file.Close(), os.Rename(f.file.Name(), f.path))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save the plan: %w", err), f.discard())
	}
	return nil
}

func (f *planFile) discard() error {
	_ = f.file.Close() // it may be closed
	return os.Remove(f.file.Name())
}

// readPlan reads a saved plan, and returns the names of its pipelines.
func readPlan(path string) (*pipeline.SavedPlan, []string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, input(err)
	}
	defer file.Close()
	plan, err := pipeline.ReadPlan(file)
	if err != nil {
		return nil, nil, input(fmt.Errorf("%s: %w", path, err))
	}
	var names []string
	for _, p := range plan.Pipelines {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil, nil, input(fmt.Errorf("%s: the plan is of no pipeline", path))
	}
	return plan, names, nil
}

// planned returns what the plan has each of the pipelines do, if it fits all of them.
func planned(ctx context.Context, plan *pipeline.SavedPlan, opened []*pipeline.Pipeline) ([]*pipeline.PlannedRun, error) {
	runs := make([]*pipeline.PlannedRun, len(opened))
	if plan == nil {
		return runs, nil
	}
	var errs []error
	for i, p := range opened {
		account, err := p.Sink.Account(ctx)
		if err != nil {
			return nil, fmt.Errorf("pipeline %q: %w", p.Name, err)
		}
		for _, run := range plan.Pipelines {
			if run.Name == p.Name {
				runs[i] = run
				errs = append(errs, run.Fits(p, account))
			}
		}
	}
	return runs, input(errors.Join(errs...))
}
