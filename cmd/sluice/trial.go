package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot"
	"sluice/sinks/hubspot/hubspottest"
)

// A trial is one test of a pipeline on its way: its own HubSpot, its own state, and what is found there at the end.
type trial struct {
	app   *app
	spec  *config.Spec
	p     config.Pipeline
	test  *config.Test
	sink  *hubspot.Config
	box   *sandbox
	store state.Store

	schema   *pipeline.Schema    // of the rows that reach the sink
	untold   map[string]bool     // records that were there before the run, as they were then
	asked    int                 // requests before the run's first row
	report   pipeline.Report     // of the run
	err      error               // of the run
	naming   map[string][]string // properties that tell records of an object apart
	failures []string
}

// trial runs a test and returns what isn't as expected. Folder is for the states of all tests.
func (a *app) trial(ctx context.Context, folder string, spec *config.Spec, p config.Pipeline, t *config.Test) (failures []string, err error) {
	sink, ok := p.Sink.Config.(*hubspot.Config)
	if !ok {
		return nil, input(fmt.Errorf("%s:%d: pipeline %s writes to %s, which can't be tested", spec.File, t.Line, p.Name, p.Sink.Kind))
	}
	quiet := *a
	quiet.mute = !a.verbose
	x := &trial{app: &quiet, spec: spec, p: p, test: t, sink: sink, naming: map[string][]string{}}
	x.box = &sandbox{portal: hubspottest.New(hubspottest.Options{Seed: 1, Owners: ownersOf(t)})}
	if err := x.addPipelines(); err != nil {
		return nil, err
	}
	if err := x.box.serve(); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, x.box.server.Close())
		x.box.portal.Close()
	}()
	x.store, err = emptyStore(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.store.Close()) }()
	if err := x.runs(ctx); err != nil {
		return nil, err
	}
	err = x.compare(ctx)
	return x.failures, err
}

// ownersOf returns the owners that a test names; nil if it names none.
func ownersOf(t *config.Test) (list []hubspottest.Owner) {
	for i, o := range t.Owners {
		list = append(list, hubspottest.Owner{ID: o.ID, Type: "PERSON", Email: o.Email, UserID: int64(i + 1)})
	}
	return list
}

// addPipelines makes the pipelines that the test names.
func (x *trial) addPipelines() error {
	for _, p := range x.test.Pipelines {
		made := hubspottest.Pipeline{Object: p.Object, ID: p.ID, Label: p.Label}
		for _, s := range p.Stages {
			made.Stages = append(made.Stages, hubspottest.Stage{ID: s.ID, Label: s.Label})
		}
		if err := x.box.portal.AddPipeline(made); err != nil {
			return input(fmt.Errorf("%s:%d: %s/%s: pipelines: %w", x.spec.File, x.test.Line, x.p.Name, x.test.Name, err))
		}
	}
	return nil
}

// emptyStore opens a state that holds nothing: a copy of the first one in the folder, since to make its tables takes longer
// than a test.
func emptyStore(ctx context.Context, folder string) (state.Store, error) {
	empty := filepath.Join(folder, "empty.db")
	data, err := os.ReadFile(empty)
	if errors.Is(err, os.ErrNotExist) {
		store, err := state.Open(ctx, "sqlite:"+empty)
		if err != nil {
			return nil, err
		}
		_, _, err = store.Migrate(ctx)
		if err := errors.Join(err, store.Close()); err != nil {
			return nil, err
		}
		return emptyStore(ctx, folder)
	}
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(folder, "")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(own, "state.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return state.Open(ctx, "sqlite:"+path)
}

// runs makes the earlier run, if the test has one, and then the one that is tested.
func (x *trial) runs(ctx context.Context) error {
	list := []config.Pipeline{x.p}
	x.box.take(x.spec, list)
	w := x.app.workshop(x.spec)
	defer w.close()
	for i, source := range []pipeline.SourceConfig{x.test.Past, x.test.Source} {
		if source == nil {
			continue
		}
		list[0].Source.Config = source
		opened, err := w.open(ctx, list)
		if err != nil {
			return err
		}
		p := opened[0]
		x.know(p)
		last := i == 1
		if !last || x.test.Past == nil {
			err = x.exist(ctx)
		}
		if last {
			x.remember()
		}
		if err == nil {
			x.report, x.err = p.Run(ctx, x.store, pipeline.Options{Full: true, Log: x.app.log()})
		}
		if err := errors.Join(err, p.Close()); err != nil {
			return err
		}
		if !last && (x.err != nil || x.report.Rejected > 0) {
			return x.before(ctx)
		}
	}
	return nil
}

// before tells why the rows of the earlier run can't be a precondition.
func (x *trial) before(ctx context.Context) error {
	err := x.err
	if letters, lerr := x.store.Rejects(ctx, state.Filter{}); err == nil && len(letters) > 0 {
		err = errors.Join(errors.New(letters[0].Place+": "+letters[0].Message), lerr)
	}
	return input(fmt.Errorf("%s:%d: %s/%s: the rows under before can't be written: %w", x.spec.File, x.test.Line, x.p.Name, x.test.Name, err))
}

// know takes over the schema of the rows that reach the sink, and what records are told apart by.
func (x *trial) know(p *pipeline.Pipeline) {
	x.schema = p.Source.Schema()
	if n := len(p.Transforms); n > 0 {
		x.schema = p.Transforms[n-1].Schema()
	}
	if x.sink.Object != "" && len(x.sink.Match) > 0 {
		x.naming[x.sink.Object] = append(x.naming[x.sink.Object], x.sink.Match...)
	}
	for _, f := range x.schema.Fields {
		if f.Lookup != nil {
			x.naming[f.Lookup.Object] = append(x.naming[f.Lookup.Object], f.Lookup.Property)
		}
	}
}

// exist makes the records that the test says are there.
func (x *trial) exist(ctx context.Context) error {
	for _, object := range slices.Sorted(maps.Keys(x.test.Existing)) {
		rows := x.test.Existing[object]
		need := hubspot.Need{Object: object}
		for _, row := range rows {
			for _, c := range row.Cells {
				need.Properties = append(need.Properties, hubspot.NeedProperty{Name: c.Name, Type: "string", FieldType: "text"})
			}
		}
		if err := hubspot.Provision(ctx, x.box.conn, []hubspot.Need{distinct(need)}); err != nil {
			return fmt.Errorf("prepare the test's records: %w", err)
		}
		for _, row := range rows {
			properties := map[string]string{}
			for _, c := range row.Cells {
				properties[c.Name] = c.Text
			}
			if _, err := x.box.portal.Edit(hubspottest.Edit{Action: "create", Object: x.path(object), Properties: properties}); err != nil {
				return input(fmt.Errorf("%s:%d: the record can't be there: %w", x.spec.File, row.Line, err))
			}
		}
	}
	return nil
}

// distinct names each property once.
func distinct(need hubspot.Need) hubspot.Need {
	seen := map[string]bool{}
	all := need.Properties
	need.Properties = nil
	for _, p := range all {
		if !seen[p.Name] {
			need.Properties = append(need.Properties, p)
		}
		seen[p.Name] = true
	}
	return need
}

// path returns the name by which the portal knows an object: a custom one isn't known by its plain name.
func (x *trial) path(object string) string {
	if x.box.portal.Records(object) == nil {
		return "p_" + object
	}
	return object
}

// remember takes down what is there before the run.
func (x *trial) remember() {
	x.asked = len(x.box.portal.Requests())
	x.untold = map[string]bool{}
	for _, r := range x.everyRecord() {
		x.untold[fingerprintOf(r)] = true
	}
}

// everyRecord returns the records of the object that is written, archived ones, too.
func (x *trial) everyRecord() []hubspottest.Record {
	if x.sink.Object == "" {
		return nil
	}
	path := x.path(x.sink.Object)
	return append(x.box.portal.Records(path), x.box.portal.Archived(path)...)
}

// fingerprintOf changes with whatever a run may change of a record.
func fingerprintOf(r hubspottest.Record) string {
	return fmt.Sprint(r.ID, r.Archived, r.Updated.UnixNano(), r.Properties)
}
