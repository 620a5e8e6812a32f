package main

import (
	"errors"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

// The exit codes, a part of the contract with schedulers.
const (
	exitDone        = 0
	exitFailed      = 1
	exitInput       = 2   // the file or the arguments are wrong
	exitRejects     = 3   // done, but rows were rejected or need review
	exitHeld        = 4   // another run holds the pipeline, or took it over
	exitPaused      = 5   // paused on quota, resumable
	exitChanges     = 6   // plan or provision with --detailed-exitcode: there is something to do
	exitInterrupted = 130 // resumable
)

// An exitError ends the program with a code. What there is to say was said already where err is nil.
type exitError struct {
	code int
	err  error
	told error // what was said already, where nothing else says it; may be nil
}

// Error returns the error's text.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the error.
func (e *exitError) Unwrap() error { return e.err }

// input marks an error as one of the file or the arguments.
func input(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitInput, err: err}
}

// exitCode returns the code that an error ends the program with.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if _, held := errors.AsType[*pipeline.HeldError](err); held || errors.Is(err, pipeline.ErrFenced) || errors.Is(err, state.ErrUpgrading) {
		return exitHeld
	}
	switch {
	case errors.Is(err, pipeline.ErrPaused):
		return exitPaused
	case errors.Is(err, pipeline.ErrInterrupted):
		return exitInterrupted
	}
	if _, ok := errors.AsType[*pipeline.TargetError](err); ok {
		return exitInput
	}
	if _, ok := errors.AsType[*pipeline.FieldError](err); ok {
		return exitInput
	}
	return exitFailed
}

// worse returns the code that says more of two pipelines' ends: what stopped the whole run comes first.
func worse(a, b int) int {
	rank := map[int]int{exitDone: 0, exitRejects: 1, exitHeld: 2, exitFailed: 3, exitInput: 4, exitPaused: 5, exitInterrupted: 6}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
