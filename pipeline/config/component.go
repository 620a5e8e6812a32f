package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// A checker is a config that can tell what is wrong with it before it is opened. Errors about one option are
// *pipeline.FieldError; several are joined.
type checker interface{ Check() error }

// component decodes a kind and its options: the one entry of a map.
func component[C any](d *decoder, at spot, kinds []pipeline.Kind[C], what string) (c Component[C]) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	if at.value.Kind == yaml.ScalarNode && !d.refused[at.value] {
		d.report(at, "", "expected a map with one kind of %s (%s), found %s", what, strings.Join(names, ", "), d.shown(at.value))
		return c
	}
	m := d.mapping(at)
	if m == nil {
		return c
	}
	if len(m.entries) == 0 {
		d.report(at, "", "names no kind of %s: expected one of %s", what, strings.Join(names, ", "))
		return c
	}
	known := func(entry spot) int { return slices.Index(names, entry.key.Value) }
	chosen := max(0, slices.IndexFunc(m.entries, func(entry spot) bool { return known(entry) >= 0 }))
	entry := m.entries[chosen]
	if known(entry) < 0 {
		name := entry.key.Value
		d.reportKey(entry, pipeline.Suggest(name, names, "kinds of "+what), "unknown kind of %s %s", what, pipeline.Quote(name))
		return c
	}
	kind := kinds[known(entry)]
	c.Kind, c.Config = kind.Name, kind.New()
	for i, other := range m.entries {
		if i != chosen {
			d.extra(other, kind.Name, what, names, c.Config)
		}
	}
	d.options(entry, c.Config)
	return c
}

// extra complains of a key beside the kind.
func (d *decoder) extra(at spot, kind, what string, kinds []string, config any) {
	name := at.key.Value
	t := reflect.TypeOf(config).Elem()
	switch {
	case slices.Contains(kinds, name):
		d.reportKey(at, "", "%q stands beside %q: a %s is of one kind", name, kind, what)
	case t.Kind() == reflect.Struct && slices.ContainsFunc(fieldsOf(t), func(f field) bool { return f.name == name }):
		d.reportKey(at, fmt.Sprintf("indent it, to make it an option of %s", kind), "key %q stands beside %q", name, kind)
	default:
		d.reportKey(at, "", "unknown key %s beside %q: a %s is one kind with its options", pipeline.Quote(name), kind, what)
	}
}

// options decodes the options of a kind, and lets the config check itself.
func (d *decoder) options(at spot, config any) {
	if isNull(at.value) { // all defaults
		at.value = &yaml.Node{Kind: yaml.MappingNode, Line: at.key.Line, Column: at.key.Column}
	}
	before := len(d.problems)
	d.component = at.key.Value
	d.decode(at, reflect.ValueOf(config).Elem())
	if c, ok := config.(checker); ok && len(d.problems) == before {
		d.reportErrors(at, c.Check())
	}
}

// A connectionUse is an option that names a connection.
type connectionUse struct {
	spot
	name string
	kind string // of the component
}

// noteConnection remembers an option that names a connection.
func (d *decoder) noteConnection(at spot, option string, v reflect.Value) {
	if option == "connection" && v.Kind() == reflect.String && v.String() != "" {
		d.uses = append(d.uses, connectionUse{spot: at, name: v.String(), kind: d.component})
	}
}

// checkConnections complains of options that name no connection, or one of another kind. A component whose kind has a
// connection kind of the same name wants that.
func (d *decoder) checkConnections(connections []Connection) {
	var names []string
	for _, c := range connections {
		names = append(names, c.Name)
	}
	for _, use := range d.uses {
		wants := slices.ContainsFunc(d.kinds.Connections, func(k pipeline.Kind[pipeline.ConnectionConfig]) bool { return k.Name == use.kind })
		i := slices.Index(names, use.name)
		switch {
		case i < 0:
			d.report(use.spot, pipeline.Suggest(use.name, names, "connections"), "unknown connection %s", d.shown(use.value))
		case wants && connections[i].Kind != use.kind && connections[i].Kind != "":
			d.report(use.spot, "", "connection %q is of kind %s: expected one of kind %s", use.name, connections[i].Kind, use.kind)
		}
	}
}

// fingerprint returns a digest of the source's kind, of its options that differ from their defaults, and of the key.
// How the file is written doesn't matter to it, nor does an option that a later version adds.
func fingerprint(p *Pipeline, kinds []pipeline.Kind[pipeline.SourceConfig]) string {
	h := sha256.New()
	fmt.Fprintf(h, "1 %q %q\n", p.Source.Kind, p.Key)
	digestComponent(h, p.Source, kinds)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// wholeDigest returns a digest of the source, the key, the transforms and the sink, in the same way.
func wholeDigest(p *Pipeline, kinds pipeline.Kinds) string {
	h := sha256.New()
	fmt.Fprintf(h, "1 %q\n", fingerprint(p, kinds.Sources))
	for _, t := range p.Transforms {
		fmt.Fprintf(h, "transform %q\n", t.Kind)
		digestComponent(h, t, kinds.Transforms)
	}
	fmt.Fprintf(h, "sink %q\n", p.Sink.Kind)
	digestComponent(h, p.Sink, kinds.Sinks)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// digestComponent writes the options of a component.
func digestComponent[C any](w io.Writer, c Component[C], kinds []pipeline.Kind[C]) {
	for _, k := range kinds {
		if k.Name == c.Kind {
			digest(w, "", reflect.ValueOf(c.Config), reflect.ValueOf(k.New()))
		}
	}
}

// digest writes the options of v that differ from those of usual, each with its path.
func digest(w io.Writer, path string, v, usual reflect.Value) {
	if !usual.IsValid() || usual.Kind() == reflect.Pointer && usual.IsNil() {
		usual = reflect.Zero(v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			digest(w, path, v.Elem(), reflect.Indirect(usual))
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			digest(w, path+"."+f.name, v.Field(f.index), usual.Field(f.index))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			digest(w, fmt.Sprintf("%s.%q", path, key.String()), v.MapIndex(key), reflect.Value{})
		}
	case reflect.Slice:
		if reflect.DeepEqual(v.Interface(), usual.Interface()) {
			return
		}
		for i := range v.Len() {
			digest(w, fmt.Sprintf("%s[%d]", path, i), v.Index(i), reflect.Value{})
		}
		fmt.Fprintf(w, "%s %d\n", path, v.Len())
	default:
		if !v.Equal(usual) {
			fmt.Fprintf(w, "%s=%q\n", path, fmt.Sprint(v.Interface()))
		}
	}
}
