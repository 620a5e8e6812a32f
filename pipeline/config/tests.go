package config

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// A Test is one entry of a pipeline's tests: rows in the place of the source, and what is expected of them.
type Test struct {
	Name      string            `yaml:"name" doc:"What the test proves."`
	Rows      []Row             `yaml:"rows" doc:"What the source has: for each row the columns that matter; the others are null."`
	Before    []Row             `yaml:"before,omitempty" doc:"What the source had in an earlier run."`
	Types     map[string]string `yaml:"types,omitempty" enum:"bool,int,decimal,float,string,date,time,json" doc:"The types of columns, where how their values are written doesn't tell. The columns of csv have those that the source gives them."`
	Existing  map[string][]Row  `yaml:"existing,omitempty" doc:"The records that HubSpot has before, as properties, by object."`
	Owners    []KnownOwner      `yaml:"owners,omitempty" doc:"The owners that HubSpot has, for rows that name them. Left out: two people and a queue."`
	Pipelines []KnownPipeline   `yaml:"pipelines,omitempty" doc:"The pipelines that HubSpot has beside the one that each object starts with, for rows that name them or their stages."`
	Expect    Expect            `yaml:"expect" doc:"What is there after the run. What is left out isn't looked at, but a reject must be expected."`

	Line   int                   `yaml:"-"` // in the file
	Source pipeline.SourceConfig `yaml:"-"` // of Rows
	Past   pipeline.SourceConfig `yaml:"-"` // of Before; nil if there are none
}

// A KnownOwner is a person or queue of a test's HubSpot.
type KnownOwner struct {
	ID    string `yaml:"id" doc:"The id by which a record names its owner: digits."`
	Email string `yaml:"email" doc:"The address."`
}

// A KnownPipeline is a pipeline of HubSpot that records of an object go through in a test.
type KnownPipeline struct {
	Object string       `yaml:"object" enum:"deals,tickets,leads,orders" doc:"The object whose records go through it."`
	ID     string       `yaml:"id" doc:"The id by which a record names it."`
	Label  string       `yaml:"label" doc:"Its name."`
	Stages []KnownStage `yaml:"stages" doc:"Its stages, in order."`
}

// A KnownStage is a stage of such a pipeline.
type KnownStage struct {
	ID    string `yaml:"id" doc:"The id by which a record names it."`
	Label string `yaml:"label" doc:"Its name."`
}

// An Expect is what a test expects of a run.
type Expect struct {
	Records    []Row            `yaml:"records,omitempty" doc:"The records that the run has made or changed, all of them: the properties to look at, and the match property. An empty value means that the property has none."`
	Archived   []Row            `yaml:"archived,omitempty" doc:"The records that the run has archived, all of them, in the same way."`
	Links      []ExpectedLink   `yaml:"links,omitempty" doc:"The associations of the kinds that the pipeline writes, all of them."`
	Rejects    []ExpectedReject `yaml:"rejects,omitempty" doc:"The rows that are rejected, all of them."`
	Requests   []string         `yaml:"requests,omitempty" doc:"The requests that write, in order, each as method and path: POST /crm/objects/2026-09/contacts/batch/upsert."`
	Unchanged  *int64           `yaml:"unchanged,omitempty" doc:"How many rows are unchanged."`
	Filtered   *int64           `yaml:"filtered,omitempty" doc:"How many rows are filtered."`
	Superseded *int64           `yaml:"superseded,omitempty" doc:"How many rows are superseded by later ones of the same key."`
	Parked     *int64           `yaml:"parked,omitempty" doc:"How many links wait for their target."`
}

// An ExpectedLink is an association from one record to another, each named by a value that records are told apart by.
type ExpectedLink struct {
	From  string  `yaml:"from" doc:"The value of the match property, or of the property that resolve looks up."`
	To    string  `yaml:"to" doc:"The other end, in the same way."`
	Label *string `yaml:"label,omitempty" doc:"The label that it has."`
	Type  *int    `yaml:"type,omitempty" doc:"The association type id that it has."`
}

// An ExpectedReject is a row that isn't written.
type ExpectedReject struct {
	Key     string `yaml:"key,omitempty" doc:"The row's key."`
	Code    string `yaml:"code,omitempty" doc:"The reject's code, such as bad_date."`
	Message string `yaml:"message,omitempty" doc:"A part of its message."`
}

// A Row holds values by name, in the order of the file.
type Row struct {
	Line  int
	Cells []Cell
}

// A Cell is one value of a Row.
type Cell struct {
	Name string
	Text string        // as it is written, with references replaced; "" for null
	Type pipeline.Type // by the way it is written
	at   spot
}

// Get returns the cell of that name.
func (r Row) Get(name string) (Cell, bool) {
	i := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.Name == name })
	if i < 0 {
		return Cell{}, false
	}
	return r.Cells[i], true
}

// Wrong returns a diagnostic about the name of a cell.
func (s *Spec) Wrong(c Cell, message, hint string) Diagnostic {
	return s.doc.diagnostic(c.at.key, c.at.path, message, hint)
}

// A selfDecoder is a type that isn't decoded like others.
type selfDecoder interface {
	decode(d *decoder, at spot)
	schema() schema
}

func (r *Row) decode(d *decoder, at spot) {
	r.Line = at.value.Line
	m := d.mapping(at)
	if m == nil {
		return
	}
	for _, entry := range m.entries {
		c := Cell{Name: entry.key.Value, at: entry}
		if !isNull(entry.value) {
			text, ok := d.scalar(entry, "a single value")
			if !ok {
				continue
			}
			c.Text, c.Type = text, writtenType(entry.value, text)
		}
		r.Cells = append(r.Cells, c)
	}
}

func (*Row) schema() schema {
	return schema{"type": "object", "additionalProperties": schema{"type": append(slices.Clone(texts), "null")}}
}

// writtenType returns the type of a value by the way it is written: numbers with a point are decimals.
func writtenType(node *yaml.Node, text string) pipeline.Type {
	candidates := map[string][]pipeline.Type{
		"!!bool": {pipeline.Bool}, "!!int": {pipeline.Int, pipeline.Decimal}, "!!float": {pipeline.Decimal, pipeline.Float},
		"!!timestamp": {pipeline.Date, pipeline.Time},
	}
	for _, t := range candidates[node.ShortTag()] {
		if _, ok := pipeline.ParseText(t, text); ok {
			return t
		}
	}
	return pipeline.String
}

// tests completes the tests of a pipeline: it makes sources of their rows, and complains of what can't be right.
func (d *decoder) tests(at spot, p *Pipeline) {
	if at.value == nil || at.value.Kind != yaml.SequenceNode || len(at.value.Content) != len(p.Tests) {
		return
	}
	for i := range p.Tests {
		t, place := &p.Tests[i], at.element(i)
		t.Line = place.value.Line
		if expect := child(place, "expect"); expect.value.Kind == yaml.MappingNode && len(expect.value.Content) == 0 {
			d.reportKey(expect, "expect records, links, rejects or counts", "the test expects nothing")
		}
		t.Source = d.sample(p, t, t.Rows)
		if t.Before != nil {
			t.Past = d.sample(p, t, t.Before)
		}
		if _, ok := p.Source.Config.(pipeline.TextSource); ok && len(t.Types) > 0 {
			d.reportKey(child(place, "types"), "give them in the source", "the types of its columns are those of the source %s", p.Source.Kind)
		}
	}
}

// columns returns the source columns that a pipeline reads; ok is false if that can't be told.
func (p *Pipeline) columns() (names []string, ok bool) {
	names = slices.Clone(p.Key)
	added := map[string]bool{}
	for _, t := range p.Transforms {
		user, ok := t.Config.(pipeline.ColumnUser)
		if !ok {
			return nil, false
		}
		read, ok := user.Columns()
		if !ok {
			return nil, false
		}
		names = append(names, read...)
		if adder, ok := t.Config.(pipeline.FieldAdder); ok {
			for _, name := range adder.Added() {
				added[name] = true
			}
		}
	}
	user, ok := p.Sink.Config.(pipeline.ColumnUser)
	if !ok {
		return nil, false
	}
	read, ok := user.Columns()
	for _, name := range read {
		if !added[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), ok
}

// unknownColumn complains of a column of a test's row that nothing reads.
func (d *decoder) unknownColumn(c Cell, known []string) {
	d.reportKey(c.at, pipeline.Suggest(c.Name, known, "columns that it reads"), "unknown column %s: the pipeline reads none of that name", pipeline.Quote(c.Name))
}

// misfit complains of a value that isn't of its column's type.
func (d *decoder) misfit(c Cell, t pipeline.Type) {
	d.report(c.at, "", "column %s is of type %s: expected %s, found %s", pipeline.Quote(c.Name), t, pipeline.Expected(t), d.shown(c.at.value))
}

// mixed complains of a column whose values are written in different ways.
func (d *decoder) mixed(c Cell, t pipeline.Type, line int) {
	d.report(c.at, fmt.Sprintf("give the column's type: types: { %s: string }", c.Name), "column %s holds %s here and %s in line %d", pipeline.Quote(c.Name), c.Type, t, line)
}
