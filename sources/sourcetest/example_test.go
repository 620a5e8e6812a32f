package sourcetest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sources/csv"
	"sluice/transforms/filter"
	"sluice/transforms/mapping"
)

// A jsonLines is a source: a file with one JSON object on each line. It is its own config, and what is read.
type jsonLines struct {
	Path    string   `yaml:"path" doc:"The file."`
	Columns []string `yaml:"columns" doc:"The keys to read; one that an object lacks is null."`
}

func (s *jsonLines) Open(context.Context, pipeline.Env) (pipeline.Source, error) {
	if _, err := os.Stat(s.Path); err != nil {
		return nil, &pipeline.FieldError{Path: "path", Err: err} // shown at its place in pipelines.yaml
	}
	return s, nil
}

func (s *jsonLines) Schema() *pipeline.Schema {
	schema := &pipeline.Schema{}
	for _, name := range s.Columns {
		schema.Fields = append(schema.Fields, pipeline.Field{Name: name}) // of any type
	}
	return schema
}

// Batches yields the lines behind a position, which is the number of lines before it.
func (s *jsonLines) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		if err := s.read(ctx, from, yield); err != nil {
			yield(pipeline.Batch{}, err)
		}
	}
}

func (s *jsonLines) read(ctx context.Context, from pipeline.Position, yield func(pipeline.Batch, error) bool) error {
	done := 0
	if from != nil {
		var err error
		if done, err = strconv.Atoi(string(from)); err != nil {
			return err
		}
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	line, lines := 0, bufio.NewScanner(f)
	for more := true; more; {
		var b pipeline.Batch
		for len(b.Rows)+len(b.Rejects) < pipeline.BatchRows {
			if more = lines.Scan(); !more {
				break
			}
			if line++; line > done {
				s.add(&b, line, lines.Bytes())
			}
		}
		b.End = strconv.AppendInt(nil, int64(line), 10)
		if err := errors.Join(lines.Err(), ctx.Err()); err != nil {
			return err
		}
		if len(b.Rows)+len(b.Rejects) > 0 && !yield(b, nil) {
			return nil
		}
	}
	if line < done {
		return pipeline.ErrStalePosition
	}
	return nil
}

// add adds a line to a batch: as a row, or as a reject if it can't be read.
func (s *jsonLines) add(b *pipeline.Batch, line int, text []byte) {
	place := pipeline.Place{Name: s.Path, Line: int64(line)}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || !utf8.Valid(text) {
		b.Rejects = append(b.Rejects, pipeline.Reject{Place: place, Stage: "source", Code: "bad_json", Err: errors.New("the line is no JSON object")})
		return
	}
	row := pipeline.Row{Place: place}
	for _, name := range s.Columns {
		row.Values = append(row.Values, valueOf(object[name]))
	}
	b.Rows = append(b.Rows, row)
}

// valueOf keeps numbers and nested values as the JSON text that they are, so that no digit is lost.
func valueOf(raw json.RawMessage) pipeline.Value {
	var text *string
	switch err := json.Unmarshal(raw, &text); {
	case raw == nil, err == nil && text == nil:
		return pipeline.Value{}
	case err == nil:
		return pipeline.StringValue(*text)
	}
	return pipeline.JSONValue(string(raw))
}

func (s *jsonLines) Close() error { return nil }

const pipelines = `
version: 1
state: sqlite:${DIR}/state.db
connections:
  crm:
    hubspot: { access_token: any, base_url: "${HUBSPOT}" }
pipelines:
  signups:
    source:
      jsonl: { path: "${DIR}/signups.jsonl", columns: [email, name, country] }
    key: email
    transforms:
      - filter: country != "test"
      - map: { email: email, firstname: name, country: country }
    sink:
      hubspot: { connection: crm, object: contacts, match: email }
`

const signups = `{"email": "ada@example.com", "name": "Ada", "country": "UK"}
{"email": "nobody@example.com", "country": "test"}
{"email": "grace@example.com", "name": "Grace",
{"email": "edsger@example.com", "name": "Edsger", "country": "NL"}
`

// A program of your own: Sluice as a library, with a source that it doesn't have, beside those that it has.
func Example() {
	dir, err := os.MkdirTemp("", "sluice")
	check(err)
	defer os.RemoveAll(dir)
	check(os.WriteFile(filepath.Join(dir, "signups.jsonl"), []byte(signups), 0o600))
	portal := httptest.NewServer(hubspottest.New(hubspottest.Options{Seed: 1})) // HubSpot on this machine
	defer portal.Close()

	kinds := pipeline.Kinds{
		Connections: []pipeline.Kind[pipeline.ConnectionConfig]{hubspot.ConnectionKind},
		Sources: []pipeline.Kind[pipeline.SourceConfig]{csv.Kind, {
			Name: "jsonl", Doc: "Reads rows from a file of JSON lines.", New: func() pipeline.SourceConfig { return &jsonLines{} },
		}},
		Transforms: []pipeline.Kind[pipeline.TransformConfig]{mapping.Kind, filter.Kind},
		Sinks:      []pipeline.Kind[pipeline.SinkConfig]{hubspot.Kind},
	}
	variables := map[string]string{"DIR": dir, "HUBSPOT": portal.URL}
	spec, problems := config.Parse("pipelines.yaml", []byte(pipelines), kinds, func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
	if len(problems) > 0 {
		check(problems.Print(os.Stdout, []byte(pipelines)))
		return
	}
	for range 2 {
		runAll(context.Background(), spec)
	}
	// Output:
	// signups: read 4, written 2, unchanged 0, filtered 1, rejected 1
	// signups: read 4, written 0, unchanged 2, filtered 1, rejected 1
}

// runAll runs every pipeline of a file once, each after those that it comes after.
func runAll(ctx context.Context, spec *config.Spec) {
	store, err := state.Open(ctx, spec.State)
	check(err)
	defer store.Close()
	_, _, err = store.Migrate(ctx)
	check(err)

	connections := map[string]io.Closer{}
	for _, c := range spec.Connections {
		connections[c.Name], err = c.Config.Connect(ctx, pipeline.Env{})
		check(err)
		defer connections[c.Name].Close()
	}
	env := pipeline.Env{Connection: func(_ context.Context, name string) (io.Closer, error) { return connections[name], nil }}
	order, err := spec.Order(nil, false)
	check(err)
	for _, definition := range order {
		p, err := pipeline.Open(ctx, definition.Definition(), env)
		check(err)
		report, err := p.Run(ctx, store, pipeline.Options{})
		check(errors.Join(err, p.Close()))
		fmt.Printf("%s: read %d, written %d, unchanged %d, filtered %d, rejected %d\n",
			report.Name, report.Read, report.Written, report.Unchanged, report.Filtered, report.Rejected)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
