// Package config reads pipelines.yaml: into a Spec, or into all diagnostics of what is wrong with it, each with its
// place in the file.
//
// The options of a kind are the fields of its config struct. One walk over their yaml and doc tags serves the strict
// decoding here and the list of options that Options returns.
package config

import (
	"reflect"
	"regexp"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// defaultState is where the state is kept unless the file says otherwise.
const defaultState = "sqlite:.sluice/state.db"

// A Spec is what a file without errors says.
type Spec struct {
	File        string
	Version     string       `yaml:"version" enum:"1" doc:"The version of the file's format: write version: 1."`
	State       string       `yaml:"state,omitempty" doc:"Where the state is kept: sqlite:PATH or postgres://…; sqlite:.sluice/state.db by default."`
	Connections []Connection `yaml:"connections,omitempty" doc:"Accounts and databases by name."`                                                                      // in file order
	Pipelines   []Pipeline   `yaml:"pipelines" doc:"Pipelines by name, each with a source, a key and a sink; they run in this order, and after those that they name."` // in file order

	doc *document
}

// String returns the file's name. Formatting a spec shows nothing else of it: State may hold a password.
func (s *Spec) String() string { return s.File }

// A Connection is a named connection.
type Connection struct {
	Name   string
	Kind   string
	Config pipeline.ConnectionConfig
}

// A Component is a source, transform or sink: its kind, and the config decoded for it.
type Component[C any] struct {
	Kind   string
	Config C
}

// A Pipeline is one entry of pipelines. A field that is decoded like the options of kinds needs no more than its tags.
type Pipeline struct {
	Name       string
	After      []string                              `yaml:"after,omitempty" doc:"A pipeline, or a list of them, that must have ended well (code 0 or 3) before this one starts."`
	FullEvery  time.Duration                         `yaml:"full_every,omitempty" doc:"How often a source with a cursor is read from its first row to its last, such as 7d: by the first run that begins so long after the last one that did so, or was asked to with --full. Never by itself if left out."`
	Source     Component[pipeline.SourceConfig]      `yaml:"source" doc:"One kind of source with its options, such as csv: {path: people.csv}."`
	Key        []string                              `yaml:"key" doc:"The source columns that identify a row. If they change, rows are new; those that lead to records of rows that have left are rejected (key_collision) by the first run that reads all of the source, and written by the next."`
	Transforms []Component[pipeline.TransformConfig] `yaml:"transforms,omitempty" doc:"A list of transforms, each one kind with its options; each row goes through all of them."`
	Sink       Component[pipeline.SinkConfig]        `yaml:"sink" doc:"One kind of sink with its options."`
	Tests      []Test                                `yaml:"tests,omitempty" doc:"Tests of the pipeline, run by sluice test."`

	Fingerprint string // of the source's kind and options and the key: what a checkpoint depends on
	Digest      string // of all that what is written depends on: the source, the key, the transforms and the sink
}

// Definition returns the pipeline as the engine opens it.
func (p *Pipeline) Definition() pipeline.Definition {
	d := pipeline.Definition{Name: p.Name, Key: p.Key, FullEvery: p.FullEvery, Source: p.Source.Config, Sink: p.Sink.Config, Fingerprint: p.Fingerprint, Config: p.Digest}
	for _, t := range p.Transforms {
		d.Transforms = append(d.Transforms, t.Config)
	}
	return d
}

// Parse reads a file. It returns either a Spec or at least one Diagnostic, sorted by place. File is only its name for
// messages; lookup returns environment variables, and may be nil. Files named by ${file:…} are read.
func Parse(file string, data []byte, kinds pipeline.Kinds, lookup func(string) (string, bool)) (*Spec, Diagnostics) {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	d := &decoder{document: newDocument(file, data), lookup: lookup, kinds: kinds}
	if root := d.read(data); root != nil {
		d.root = root
		spec := d.spec(root)
		if len(d.problems) == 0 {
			return spec, nil
		}
	}
	return nil, d.sorted()
}

// spec decodes the top of the file.
func (d *decoder) spec(root *yaml.Node) *Spec {
	s := &Spec{File: d.file, State: defaultState, doc: d.document}
	d.fields(spot{key: root, value: root}, reflect.ValueOf(s).Elem(), func(at spot, f field) {
		switch f.name {
		case "version":
			s.Version = d.version(at)
		case "state":
			d.state(at, &s.State)
		case "connections":
			s.Connections = d.connections(at)
		case "pipelines":
			s.Pipelines = d.pipelines(at, s.Connections)
		}
	})
	return s
}

func (d *decoder) version(at spot) string {
	text, ok := d.scalar(at, "the number 1")
	if ok && text != "1" {
		d.report(at, "", "unknown version %s: this program reads version 1", d.shown(at.value))
	}
	return text
}

// statePattern is what the URL of a store looks like.
const statePattern = `^(sqlite:|postgres://|postgresql://)[\s\S]`

var stateURL = regexp.MustCompile(statePattern)

func (d *decoder) state(at spot, state *string) {
	text, ok := d.scalar(at, "a URL such as "+defaultState+" or postgres://…")
	if !ok {
		return
	}
	if stateURL.MatchString(text) {
		*state = text
		return
	}
	what := "is no place for the state"
	if text == "" {
		what = "is empty"
	}
	d.report(at, "", "%s %s: expected sqlite:PATH or postgres://…", d.shown(at.value), what)
}

// connections decodes the named connections.
func (d *decoder) connections(at spot) []Connection {
	var list []Connection
	for _, entry := range d.names(at, "connection") {
		c := component(d, entry, d.kinds.Connections, "connection")
		list = append(list, Connection{Name: entry.key.Value, Kind: c.Kind, Config: c.Config})
	}
	return list
}

// pipelines decodes the pipelines, and checks what they say of each other and of connections.
func (d *decoder) pipelines(at spot, connections []Connection) []Pipeline {
	entries := d.names(at, "pipeline")
	if at.value.Kind == yaml.MappingNode && len(at.value.Content) == 0 {
		d.report(at, "", "names no pipeline")
	}
	list := make([]Pipeline, len(entries))
	for i, entry := range entries {
		list[i] = d.pipeline(entry)
	}
	d.checkAfter(entries, list)
	d.checkConnections(connections)
	return list
}

// pipeline decodes one pipeline.
func (d *decoder) pipeline(entry spot) Pipeline {
	p := Pipeline{Name: entry.key.Value}
	v := reflect.ValueOf(&p).Elem()
	var tests spot
	d.fields(entry, v, func(at spot, f field) {
		switch f.name {
		case "after":
			p.After = d.texts(at, "a pipeline's name")
		case "source":
			p.Source = component(d, at, d.kinds.Sources, "source")
		case "key":
			p.Key = d.key(at)
		case "transforms":
			for _, element := range d.elements(at, "a list of transforms") {
				p.Transforms = append(p.Transforms, component(d, element, d.kinds.Transforms, "transform"))
			}
		case "sink":
			p.Sink = component(d, at, d.kinds.Sinks, "sink")
		case "tests":
			tests = at
			d.option(at, f, v.Field(f.index))
		default:
			d.option(at, f, v.Field(f.index))
		}
	})
	d.tests(tests, &p)
	p.Fingerprint = fingerprint(&p, d.kinds.Sources)
	p.Digest = wholeDigest(&p, d.kinds)
	return p
}

// key decodes the key columns.
func (d *decoder) key(at spot) []string {
	columns := d.texts(at, "a source column")
	if at.value.Kind == yaml.SequenceNode && len(at.value.Content) == 0 {
		d.report(at, "", "is empty: name the source columns that identify a row")
	}
	for i, column := range columns {
		element := at
		if at.value.Kind == yaml.SequenceNode {
			element = at.element(i)
		}
		if column == "" {
			d.report(element, "", "is empty: expected the name of a source column")
		} else if slices.Index(columns, column) < i {
			d.report(element, "", "column %q is given twice", column)
		}
	}
	return columns
}

// texts decodes a list of texts, which may be written as one.
func (d *decoder) texts(at spot, what string) []string {
	if at.value.Kind != yaml.SequenceNode {
		text, ok := d.scalar(at, what+", or a list of them")
		if !ok {
			return nil
		}
		return []string{text}
	}
	var list []string
	for i := range at.value.Content {
		text, _ := d.scalar(at.element(i), what)
		list = append(list, text)
	}
	return list
}

// names returns the entries of a map from names, and complains of names that can't be used on a command line.
func (d *decoder) names(at spot, what string) []spot {
	m := d.mapping(at)
	if m == nil {
		return nil
	}
	for _, entry := range m.entries {
		if name := entry.key.Value; !usable(name) {
			d.reportKey(entry, "", "%s is no name for a %s: expected lower-case letters, digits, _ and -, at most %d, starting with a letter or digit", pipeline.Quote(name), what, maxName)
		}
	}
	return m.entries
}

// Names of pipelines and connections: what they look like, and how long they may be.
const (
	namePattern = `^[a-z0-9][a-z0-9_-]{0,62}$`
	maxName     = 63
)

var usable = regexp.MustCompile(namePattern).MatchString
