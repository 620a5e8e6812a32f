package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Definition is a pipeline as it is configured.
type Definition struct {
	Name        string
	Key         []string      // the source columns that identify a row
	FullEvery   time.Duration // how often an incremental source is read whole; 0: never but when asked to
	Source      SourceConfig
	Transforms  []TransformConfig
	Sink        SinkConfig
	Fingerprint string // of what a checkpoint depends on: the source's config and the key
	Config      string // a digest of all that the pipeline's rows and writes depend on; it is in saved plans
}

// A Pipeline is an opened definition: every stage knows the schema of the stage before it.
type Pipeline struct {
	Name        string
	Fingerprint string
	Config      string
	FullEvery   time.Duration
	Source      Source
	Transforms  []Transform
	Sink        Sink

	keyNames []string
	key      []int    // places of the key columns in the source's schema
	schema   *Schema  // of the rows that reach the sink
	copies   []Copied // that the last transform leaves to be made
	layout   layout
	links    Linker // nil if the sink writes none
	finder   Finder // nil if the sink can't look up records
	specs    []LinkSpec

	turns func(of string) // set by simulations only
	look  func(*pending)  // set by plans only: it is shown every row that needs no write; all rows are then compared with the ledger
}

// A StageError is an error of opening one stage of a pipeline.
type StageError struct {
	Pipeline string
	Stage    string // "source", "transforms", "sink", "key" or "full_every"
	Index    int    // of the transform
	Err      error
}

// Error names the pipeline and the stage.
func (e *StageError) Error() string {
	if e.Stage == "transforms" {
		return fmt.Sprintf("pipelines.%s.transforms[%d]: %v", e.Pipeline, e.Index, e.Err)
	}
	return fmt.Sprintf("pipelines.%s.%s: %v", e.Pipeline, e.Stage, e.Err)
}

// Unwrap returns the stage's error.
func (e *StageError) Unwrap() error { return e.Err }

// Open opens every stage of d, each with the schema of the stage before. Errors are *StageError, or several of them joined:
// what is wrong with the key and with each of the transforms is told at once.
func Open(ctx context.Context, d Definition, env Env) (*Pipeline, error) {
	needed := d.columns()
	p, err := d.open(ctx, env, needed)
	if _, wrong := errors.AsType[*FieldError](err); !wrong || needed == nil {
		return p, err
	}
	// A name that no column has may be a misspelt one of those that were left out: look again at all of them.
	if p, again := d.open(ctx, env, nil); again != nil {
		return nil, again
	} else if again := p.Close(); again != nil {
		return nil, again
	}
	return nil, err
}

// open opens every stage; the source leaves out the columns that aren't needed.
func (d Definition) open(ctx context.Context, env Env, needed []string) (_ *Pipeline, err error) {
	p := &Pipeline{Name: d.Name, Fingerprint: d.Fingerprint, Config: d.Config, FullEvery: d.FullEvery, keyNames: d.Key}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	env.Pipeline, env.Key, env.Needed = d.Name, d.Key, needed
	if p.Source, err = d.Source.Open(ctx, env); err != nil {
		return nil, d.wrong("source", 0, err)
	}
	if err := p.checkFullEvery(); err != nil {
		return nil, d.wrong("full_every", 0, err)
	}
	p.schema = p.Source.Schema()
	if err := errors.Join(d.findKey(p), d.openTransforms(ctx, env, p)); err != nil {
		return nil, err
	}
	if s, ok := p.Source.(Roomy); ok {
		s.Room(len(p.schema.Fields))
	}
	if p.Sink, err = d.Sink.Open(ctx, env, p.schema); err != nil {
		return nil, d.wrong("sink", 0, err)
	}
	p.links, _ = p.Sink.(Linker)
	p.finder, _ = p.Sink.(Finder)
	if p.links != nil {
		p.specs = p.links.Specs()
	}
	p.layout = newLayout(p.schema, p.specs, p.copies, p.Sink.Limits().Archives)
	return p, nil
}

// wrong returns an error of opening a stage; index is that of a transform.
func (d Definition) wrong(stage string, index int, err error) error {
	return &StageError{Pipeline: d.Name, Stage: stage, Index: index, Err: err}
}

// checkFullEvery returns what is wrong with how often the source is to be read whole.
func (p *Pipeline) checkFullEvery() error {
	switch {
	case p.FullEvery < 0:
		return &FieldError{Err: fmt.Errorf("%v is negative", p.FullEvery)}
	case p.FullEvery > 0 && !p.incremental():
		return &FieldError{Err: errors.New("the source has no cursor: every run reads all of it"), Hint: "leave it out"}
	}
	return nil
}

// findKey finds the key columns in the source's schema.
func (d Definition) findKey(p *Pipeline) error {
	var errs []error
	for i, name := range d.Key {
		at := p.schema.Index(Column, name)
		if at < 0 {
			errs = append(errs, d.wrong("key", 0, &FieldError{Path: fmt.Sprint(i), Err: fmt.Errorf("unknown column %q", name), Hint: Suggest(name, p.schema.Names(Column), "columns")}))
		}
		p.key = append(p.key, at)
	}
	return errors.Join(errs...)
}

// openTransforms opens the transforms, each with the schema of the one before.
func (d Definition) openTransforms(ctx context.Context, env Env, p *Pipeline) error {
	var errs []error
	for i, config := range d.Transforms {
		t, err := config.Open(ctx, env, p.schema)
		if err != nil { // the next one finds its columns without this one, too
			errs = append(errs, d.wrong("transforms", i, err))
			continue
		}
		p.Transforms = append(p.Transforms, t)
		p.schema = t.Schema()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if n := len(p.Transforms); n > 0 {
		if c, ok := p.Transforms[n-1].(Copier); ok {
			p.copies = c.Leave()
		}
	}
	return nil
}

// Since returns where a source that is read by a cursor is read from if only what isn't older than value counts, for
// Options.From: for cursors that are times a date, an instant or how long ago, for others a value of theirs.
func (p *Pipeline) Since(ctx context.Context, value string) (Position, error) {
	if !p.incremental() {
		return nil, fmt.Errorf("pipeline %q: its source has no cursor, which would tell what is newer than %s; name the pipelines that have one", p.Name, Quote(value))
	}
	from, err := p.Source.(Incremental).Since(ctx, value)
	if err != nil {
		return nil, fmt.Errorf("pipeline %q: %w", p.Name, err)
	}
	return from, nil
}

// columns returns the source columns that the key and the later stages read, or nil if a stage can't tell.
func (d Definition) columns() []string {
	needed := slices.Clone(d.Key)
	stages := []any{d.Sink}
	for _, t := range d.Transforms {
		stages = append(stages, t)
	}
	for _, stage := range stages {
		user, ok := stage.(ColumnUser)
		if !ok {
			return nil
		}
		names, ok := user.Columns()
		if !ok {
			return nil
		}
		needed = append(needed, names...)
	}
	slices.Sort(needed)
	return slices.Compact(needed)
}

// Close closes what Open has opened, but not shared connections.
func (p *Pipeline) Close() error {
	var errs []error
	if p.Sink != nil {
		errs = append(errs, p.Sink.Close())
	}
	if p.Source != nil {
		errs = append(errs, p.Source.Close())
	}
	return errors.Join(errs...)
}
