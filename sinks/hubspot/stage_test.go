package hubspot

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// A table is a source of rows of texts, one of which may be null, all in one batch. The first column is the key.
type table struct {
	columns []string
	rows    [][]string
}

// null is what a table says where there is no value.
const null = "null"

func (s *table) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *table) Schema() *pipeline.Schema                                    { return schema(s.columns...) }
func (s *table) Close() error                                                { return nil }

func (s *table) Batches(context.Context, pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		b := pipeline.Batch{End: pipeline.Position("end")}
		for i, texts := range s.rows {
			row := pipeline.Row{Place: pipeline.Place{Name: "table", Line: int64(i + 1)}}
			for _, text := range texts {
				v := pipeline.StringValue(text)
				if text == null {
					v = pipeline.Value{}
				}
				row.Values = append(row.Values, v)
			}
			b.Rows = append(b.Rows, row)
		}
		yield(b, nil)
	}
}

// promote is a transform that sends every column but the key as the property of the same name.
type promote struct{ out *pipeline.Schema }

func (p *promote) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	var more []pipeline.Field
	for _, f := range in.Fields[1:] {
		more = append(more, pipeline.Field{Name: f.Name, Type: pipeline.String, Role: pipeline.Property})
	}
	return &promote{in.With(more...)}, nil
}

func (p *promote) Schema() *pipeline.Schema { return p.out }

func (p *promote) Apply(_ context.Context, rows []pipeline.Row, _ func(pipeline.Row, error)) ([]pipeline.Row, error) {
	for i := range rows {
		rows[i].Values = append(slices.Clip(rows[i].Values), rows[i].Values[1:]...)
	}
	return rows, nil
}

// narrow opens a sink whose requests hold few rows, so that few rows make many requests.
type narrow struct {
	*Config
	rows int
}

func (n narrow) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Sink, error) {
	s, err := n.Config.Open(ctx, env, in)
	if err != nil {
		return nil, err
	}
	s.(*Sink).limits.Rows, s.(*Sink).limits.Writes = n.rows, 3
	return s, nil
}

// A stage is a portal, a state and a source, between which a pipeline runs.
type stage struct {
	*testing.T
	server *hubspottest.Server
	portal *portal
	state  string
	sink   *Config
	source table
	rows   int // of a request
}

// The rows of a stage that don't end as the others do.
const (
	stageRows     = 32
	badRow        = 5  // its address is none
	conflictRow   = 9  // its address is a stranger's
	collisionRow  = 11 // its key is that of the row before, but for blanks
	archivedRow   = 20
	purgedRow     = 21
	mergedRow     = 22 // into a stranger's record
	survivorRow   = 23
	swallowedRow  = 24 // into survivorRow's
	editedRow     = 25
	strangerEmail = "stranger@x.io"
	mergerEmail   = "merger@x.io"
)

func newStage(t *testing.T, sink Config, switches map[string]string) *stage {
	t.Helper()
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	w := server.Switches()
	for name, value := range switches {
		if err := w.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	server.SetSwitches(w)
	p.landing = 20 * time.Millisecond
	sink.Connection, sink.Object, sink.Match = "crm", "contacts", []string{"ext_id"}
	s := &stage{T: t, server: server, portal: p, state: newState(t, t.TempDir()), sink: &sink, rows: 8}
	for _, email := range []string{strangerEmail, mergerEmail} {
		must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": email}})
	}
	s.fill("first")
	return s
}

// fill makes rows whose first name is content.
func (s *stage) fill(content string) {
	s.source = table{columns: []string{"id", "ext_id", "email", "firstname"}}
	for i := range stageRows {
		row := []string{fmt.Sprint(i), key(i), fmt.Sprintf("u%d@X.io", i), content}
		switch i {
		case badRow:
			row[2] = "nobody at all"
		case conflictRow:
			row[2] = strangerEmail
		case collisionRow:
			row[1] = " " + key(collisionRow-1) + " "
		}
		s.source.rows = append(s.source.rows, row)
	}
}

func key(i int) string { return fmt.Sprintf("K-%d", i) }

// run runs the pipeline to its end, while faults spoil some of the writes.
func (s *stage) run(faults ...hubspottest.Fault) pipeline.Report {
	s.Helper()
	store, err := state.Open(s.Context(), s.state)
	if err != nil {
		s.Fatal(err)
	}
	defer store.Close()
	p, err := pipeline.Open(s.Context(), pipeline.Definition{
		Name: "people", Key: []string{"id"}, Source: &s.source, Transforms: []pipeline.TransformConfig{&promote{}}, Sink: narrow{s.sink, s.rows},
	}, env(s.portal))
	if err != nil {
		s.Fatal(err)
	}
	defer p.Close()
	s.server.SetFaults(faults...)
	defer s.server.SetFaults()
	report, err := p.Run(s.Context(), store, pipeline.Options{})
	if err != nil {
		s.Fatalf("%v\n%+v", err, report)
	}
	return report
}

// again proves that a run over the same rows writes nothing, whatever it reads.
func (s *stage) again() {
	s.Helper()
	before := s.server.Stats().Writes
	s.run()
	for what, n := range s.server.Stats().Writes {
		if n != before[what] {
			s.Errorf("the run over the same rows made %d × %s", n-before[what], what)
		}
	}
}

// stormy are the faults of which each hits once. Where an update of a record that isn't there is a 404, no answer is cut
// short: what is left of it would say that the path is wrong, which stops a run.
func stormy(switches map[string]string) []hubspottest.Fault {
	writes := "batch/(create|upsert|update)$"
	faults := []hubspottest.Fault{
		{Path: writes, Kind: "reset", After: true, Count: 1},
		{Path: writes, Status: 504, After: true, Count: 1, Skip: 2},
		{Path: writes, Status: 502, Count: 1, Skip: 4},
		{Path: writes, Kind: "partial", Count: 1, Skip: 5},
		{Path: writes, Kind: "no_errors", Count: 1, Skip: 6},
		{Path: writes, Kind: "omit", Count: 1, Skip: 7},
	}
	if switches["update_missing"] != "e" {
		faults = append(faults, hubspottest.Fault{Path: writes, Kind: "truncate", Count: 1, Skip: 3})
	}
	return faults
}

// holds proves that the live records are those of the rows, each key's once, with its content.
func (s *stage) holds(strangers int, content map[int]string) {
	s.Helper()
	for i := range stageRows {
		r, ok := s.server.Find("contacts", "ext_id", key(i))
		live := ok && !r.Archived
		want, wanted := content[i]
		if live != wanted || live && r.Properties["firstname"] != want {
			s.Errorf("row %d: live %v with %q, want %v with %q", i, live, r.Properties["firstname"], wanted, want)
		}
	}
	if d := s.server.Duplicates("contacts", "ext_id"); len(d) > 0 {
		s.Errorf("duplicates: %v", d)
	}
	if n := s.server.Count("contacts") - strangers; n != len(content) {
		s.Errorf("%d records beside those of strangers, want %d", n, len(content))
	}
}

// written are the rows that are written at all, with their content.
func written(content string) map[int]string {
	rows := map[int]string{}
	for i := range stageRows {
		if i != badRow && i != conflictRow && i != collisionRow {
			rows[i] = content
		}
	}
	return rows
}

// rewritten are those that are written after people have been there, without on_gone.
func rewritten(content string) map[int]string {
	rows := written(content)
	for _, gone := range []int{archivedRow, purgedRow, swallowedRow} {
		delete(rows, gone)
	}
	return rows
}

// people lets them do what they do to records in HubSpot.
func (s *stage) people() {
	s.Helper()
	id := func(i int) string {
		r, ok := s.server.Find("contacts", "ext_id", key(i))
		if !ok {
			s.Fatalf("row %d has no record", i)
		}
		return r.ID
	}
	merger, _ := s.server.Find("contacts", "email", mergerEmail)
	for _, e := range []hubspottest.Edit{
		{Action: "archive", ID: id(archivedRow)},
		{Action: "delete", ID: id(purgedRow)},
		{Action: "merge", ID: merger.ID, Other: id(mergedRow)},
		{Action: "merge", ID: id(survivorRow), Other: id(swallowedRow)},
		{Action: "update", ID: id(editedRow), Properties: map[string]string{"firstname": "by hand"}},
	} {
		e.Object = "contacts"
		must(s.T, s.server, e)
	}
}

// retry asks for a row that was refused to be sent again.
func (s *stage) retry(row int) {
	s.Helper()
	store, err := state.Open(s.Context(), s.state)
	if err != nil {
		s.Fatal(err)
	}
	defer store.Close()
	if n, _, err := store.Retry(s.Context(), state.Filter{Pipeline: "people", Key: fmt.Sprint(row)}); err != nil || n != 1 {
		s.Fatalf("%d dead letters are retried, %v", n, err)
	}
}
