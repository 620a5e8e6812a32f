package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// example uses everything that a file may hold.
const example = `
version: 1
state: ${STATE:-sqlite:here.db}
connections:
  warehouse:
    postgres: { url: "${WAREHOUSE_URL}" }
  crm:
    hubspot: { access_token: "${TOKEN}" }
pipelines:
  people:
    after: [companies]
    source:
      csv: { path: people.csv, types: { born: date } }
    key: [id, country]
    transforms:
      - filter: id != "" && price != "$5" && name matches "a$$"
      - map: { id: id, phone: { from: phone, null: clear, values: { Yes: 1, no: ~x } } }
      - resolve:
          company: { object: companies, by: { domain: domain } }
    sink:
      hubspot: { connection: crm, object: contacts, match: id, max_rejects: { of: 0.1 } }
  companies:
    source:
      postgres: { connection: warehouse, table: public.companies, key: id, lag: 5m, page: 10 }
    key: id
    sink:
      hubspot:
        connection: crm
        associations: [{ to: companies, id: parent, type: 14 }]
`

// secret is an interpolated value: no output may hold it.
const secret = "postgres://shop:correct-horse-battery@db/shop"

func environment(more ...string) func(string) (string, bool) {
	env := map[string]string{"WAREHOUSE_URL": secret, "TOKEN": "pat-na1-not-to-be-seen", "EMPTY": ""}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func parse(t *testing.T, source string, env ...string) *Spec {
	t.Helper()
	spec, diags := Parse("pipelines.yaml", []byte(source), testKinds, environment(env...))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return spec
}

// TestParse proves that everything in a file arrives in the configs, over their defaults.
func TestParse(t *testing.T) {
	spec := parse(t, example)
	want := &Spec{
		File: "pipelines.yaml", Version: "1", State: "sqlite:here.db",
		Connections: []Connection{
			{Name: "warehouse", Kind: "postgres", Config: &postgresConnection{URL: secret}},
			{Name: "crm", Kind: "hubspot", Config: &hubspotConnection{AccessToken: "pat-na1-not-to-be-seen", BaseURL: "https://api.hubapi.com", APIVersion: "2026-09"}},
		},
		Pipelines: []Pipeline{{
			Name: "people", After: []string{"companies"}, Key: []string{"id", "country"},
			Source: Component[pipeline.SourceConfig]{"csv", &csvSource{Path: []string{"people.csv"}, Delimiter: ",", Header: true, Types: map[string]string{"born": "date"}}},
			Transforms: []Component[pipeline.TransformConfig]{
				{"filter", &filterTransform{Expression: `id != "" && price != "$5" && name matches "a$"`}},
				{"map", &mapTransform{"id": {From: "id"}, "phone": {From: "phone", Null: "clear", Values: map[string]string{"Yes": "1", "no": "~x"}}}},
				{"resolve", &resolveTransform{"company": {Object: "companies", By: map[string]string{"domain": "domain"}}}},
			},
			Sink: Component[pipeline.SinkConfig]{"hubspot", &hubspotSink{Connection: "crm", Object: "contacts", Match: "id", MaxRejects: share{Of: 0.1}}},
		}, {
			Name: "companies", Key: []string{"id"},
			Source: Component[pipeline.SourceConfig]{"postgres", &postgresSource{Connection: "warehouse", Table: "public.companies", Key: []string{"id"}, Lag: 5 * time.Minute, Page: 10}},
			Sink:   Component[pipeline.SinkConfig]{"hubspot", &hubspotSink{Connection: "crm", Associations: []association{{To: "companies", ID: "parent", Type: 14}}}},
		}},
	}
	unexported := cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".doc" || name == ".Fingerprint" || name == ".Digest" || strings.HasPrefix(name, ".no")
	}, cmp.Ignore())
	if diff := cmp.Diff(want, spec, unexported); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d := spec.Pipelines[0].Definition()
	if d.Name != "people" || len(d.Transforms) != 3 || d.Source != spec.Pipelines[0].Source.Config || d.Fingerprint == "" || spec.Pipelines[0].Digest == "" {
		t.Errorf("definition: %+v", d)
	}
}

// TestLocate proves that an error of opening points to the option that it is about, or to the nearest thing there is.
func TestLocate(t *testing.T) {
	spec := parse(t, example)
	wrong := errors.New("wrong")
	stage := func(name, stage string, index int, path string) error {
		return &pipeline.StageError{Pipeline: name, Stage: stage, Index: index, Err: fmt.Errorf("open: %w", &pipeline.FieldError{Path: path, Err: wrong})}
	}
	tests := []struct {
		err  error
		want string
	}{
		{stage("people", "source", 0, "path"), "13:20: pipelines.people.source.csv.path: wrong"},
		{stage("people", "source", 0, "path.0"), "13:20: pipelines.people.source.csv.path: wrong"},
		{stage("people", "source", 0, "types.born"), "13:47: pipelines.people.source.csv.types.born: wrong"},
		{stage("people", "source", 0, "delimiter"), "13:7: pipelines.people.source.csv.delimiter: wrong"},
		{stage("people", "source", 0, ""), "13:7: pipelines.people.source.csv: wrong"},
		{stage("people", "key", 0, "1"), "14:15: pipelines.people.key[1]: wrong"},
		{stage("companies", "key", 0, "0"), "25:10: pipelines.companies.key: wrong"},
		{stage("people", "transforms", 0, "expression"), "16:17: pipelines.people.transforms[0].filter.expression: wrong"},
		{stage("people", "transforms", 1, "phone.from"), "17:39: pipelines.people.transforms[1].map.phone.from: wrong"},
		{stage("people", "transforms", 1, "phone.values.Maybe"), "17:59: pipelines.people.transforms[1].map.phone.values.Maybe: wrong"},
		{stage("people", "transforms", 9, ""), "15:5: pipelines.people.transforms: wrong"},
		{stage("companies", "sink", 0, "associations.0.type"), "29:59: pipelines.companies.sink.hubspot.associations[0].type: wrong"},
		{stage("companies", "sink", 0, "associations.0.label"), "29:24: pipelines.companies.sink.hubspot.associations[0].label: wrong"},
		{stage("companies", "sink", 0, "match"), "27:7: pipelines.companies.sink.hubspot.match: wrong"},
		{&pipeline.StageError{Pipeline: "people", Stage: "sink", Err: &pipeline.FieldError{Path: "object", Field: "phone", Err: wrong}}, "17:24: pipelines.people.transforms[1].map.phone: wrong"},
		{&pipeline.StageError{Pipeline: "people", Stage: "sink", Err: &pipeline.FieldError{Path: "object", Field: "nowhere", Err: wrong}}, "21:43: pipelines.people.sink.hubspot.object: wrong"},
		{&pipeline.StageError{Pipeline: "companies", Stage: "sink", Err: &pipeline.FieldError{Path: "match", Field: "phone", Err: wrong}}, "27:7: pipelines.companies.sink.hubspot.match: wrong"},
		{stage("nobody", "sink", 0, "match"), "9:1: pipelines.match: wrong"},
		{&ConnectionError{Name: "crm", Err: &pipeline.FieldError{Path: "access_token", Err: wrong}}, "8:30: connections.crm.hubspot.access_token: wrong"},
		{wrong, "2:1: wrong"},
	}
	for _, test := range tests {
		if got := spec.Locate(test.err).Error(); got != "pipelines.yaml:"+test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.err, got, test.want)
		}
	}
	both := &pipeline.StageError{Pipeline: "people", Stage: "sink", Err: errors.Join(
		&pipeline.FieldError{Path: "object", Err: wrong, Hint: "do it"}, &pipeline.FieldError{Path: "connection", Err: wrong})}
	got := spec.Locate(both)
	if len(got) != 2 || !strings.HasSuffix(got[0].Path, "connection") || got[1].Hint != "do it" {
		t.Errorf("joined errors: %+v", got)
	}
	if spec.Locate(nil) != nil {
		t.Error("no error has a place")
	}
}

// TestOrder proves that dependencies come first, that file order holds otherwise, and what names select.
func TestOrder(t *testing.T) {
	spec := &Spec{}
	for _, p := range []string{"d:b,c", "a:", "b:a", "c:a", "e:"} {
		name, after, _ := strings.Cut(p, ":")
		one := Pipeline{Name: name}
		if after != "" {
			one.After = strings.Split(after, ",")
		}
		spec.Pipelines = append(spec.Pipelines, one)
	}
	tests := []struct {
		names string
		with  bool
		want  string
	}{
		{"", false, "abcde"}, {"e", true, "e"}, {"d", false, "d"}, {"d", true, "abcd"}, {"c", true, "ac"},
		{"ed", false, "de"}, {"cb", false, "bc"}, {"cc", false, "c"},
	}
	for _, test := range tests {
		list, err := spec.Order(strings.Split(test.names, "")[:len(test.names)], test.with)
		got := ""
		for _, p := range list {
			got += p.Name
		}
		if got != test.want || err != nil {
			t.Errorf("Order(%q, %v) = %q, %v; want %q", test.names, test.with, got, err, test.want)
		}
	}
	if _, err := spec.Order([]string{"f"}, false); err == nil || err.Error() != `unknown pipeline "f": the file has d, a, b, c, e` {
		t.Error(err)
	}
}

// TestFingerprint proves that a fingerprint changes with what is read, and with nothing else.
func TestFingerprint(t *testing.T) {
	was := parse(t, example).Pipelines[0].Fingerprint
	for change, changes := range map[[2]string]bool{
		{"path: people.csv", "path: [people.csv]"}:               false,
		{"path: people.csv,", "header: true, path: people.csv,"}: false,
		{"object: contacts", "object: deals"}:                    false,
		{"    key: [id, country]", "    tests: [ { name: a, rows: [ { id: 1 } ], expect: { records: [] } } ]\n    key: [id, country]"}: false,
		{"born: date", "born: time"}:                              true,
		{"path: people.csv", "path: [people.csv, b.csv]"}:         true,
		{"path: people.csv,", "header: false, path: people.csv,"}: true,
		{"[id, country]", "[country, id]"}:                        true,
		{"csv: {", "parquet: { path: people.csv } #"}:             true,
	} {
		now := parse(t, strings.Replace(example, change[0], change[1], 1)).Pipelines[0].Fingerprint
		if (now != was) != changes {
			t.Errorf("%q: changed %v, want %v", change, now != was, changes)
		}
	}
}

// TestReferencesOfOtherTypes proves that what isn't text may come from outside, in quotes as flow maps need them, whether
// it is set or has a default.
func TestReferencesOfOtherTypes(t *testing.T) {
	const source = `
version: "${VERSION:-1}"
pipelines:
  people:
    source: { csv: { path: people.csv, header: "${HEADER:-false}" } }
    key: id
    sink: { hubspot: { connection: crm } }
connections: { crm: { hubspot: } }
`
	for header, want := range map[string]bool{"": false, "true": true} {
		spec := parse(t, source, "HEADER", header)
		if got := spec.Pipelines[0].Source.Config.(*csvSource).Header; got != want || spec.Version != "1" {
			t.Errorf("HEADER=%q: header %v, version %q", header, got, spec.Version)
		}
	}
	_, diags := Parse("pipelines.yaml", []byte(source), testKinds, environment("HEADER", "yes"))
	if len(diags) != 1 || !strings.HasSuffix(diags[0].Message, `expected true or false, found "${HEADER:-false}"`) {
		t.Errorf("HEADER=yes: %v", diags)
	}
}

// TestEnum proves that a text, or each of several, is one of those that the option's tag lists.
func TestEnum(t *testing.T) {
	const source = `
version: 1
pipelines:
  people:
    source: { csv: { path: people.csv, types: { born: date, died: dat, age: number } } }
    key: id
    transforms: [ map: { phone: { from: phone, null: "${NULL:-keep}" } } ]
    sink: { hubspot: { connection: crm, mode: upsrt } }
connections: { crm: { hubspot: } }
`
	_, diags := Parse("pipelines.yaml", []byte(source), testKinds, environment())
	want := []string{
		`5:67: pipelines.people.source.csv.types.died: unknown value "dat": expected date or time did you mean "date"?`,
		`5:77: pipelines.people.source.csv.types.age: unknown value "number": expected date or time `,
		`7:54: pipelines.people.transforms[0].map.phone.null: unknown value "${NULL:-keep}": expected skip, clear or reject `,
		`8:47: pipelines.people.sink.hubspot.mode: unknown value "upsrt": expected update or upsert did you mean "upsert"?`,
	}
	var got []string
	for _, d := range diags {
		got = append(got, strings.TrimPrefix(d.String(), "pipelines.yaml:")+" "+d.Hint)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestShortDuration proves that durations are shown without the zeros that nobody writes.
func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s", 70 * time.Second: "1m10s",
		10 * time.Minute: "10m", 20 * time.Hour: "20h", 3 * time.Millisecond: "3ms", time.Hour + 10*time.Second: "1h0m10s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// TestOptions proves that the list of options comes from the same tags.
func TestOptions(t *testing.T) {
	want := []Option{
		{Name: "connection", Type: "text", Doc: "The name of a hubspot connection.", Required: true},
		{Name: "object", Type: "text", Doc: "The object to write."},
		{Name: "mode", Type: "text", Doc: "How to write.", Values: []string{"update", "upsert"}},
		{Name: "match", Type: "text", Doc: "A unique property."},
		{Name: "associations", Type: "list of map", Doc: "Links to other records.", Options: []Option{
			{Name: "to", Type: "text", Doc: "The object at the other end.", Required: true},
			{Name: "id", Type: "text", Doc: "The field that names the record.", Required: true},
			{Name: "type", Type: "whole number", Doc: "The association type."},
		}},
		{Name: "max_rejects", Type: "map", Doc: "The share of rows that may be rejected.", Shorthand: true, Options: []Option{
			{Name: "of", Type: "number", Doc: "The share, from 0 to 1."},
		}},
	}
	if diff := cmp.Diff(want, Options(&hubspotSink{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	csv := Options(&csvSource{Delimiter: ",", Header: true})
	if csv[3].Default != "," || csv[0].Type != "list of text" || csv[2].Type != "map to text" || csv[1].Default != "true" {
		t.Errorf("got %+v", csv)
	}
	if got := Options(&mapTransform{}); len(got) != 1 || got[0].Name != "*" || !got[0].Shorthand || len(got[0].Options) != 4 {
		t.Errorf("got %+v", got)
	}
}
