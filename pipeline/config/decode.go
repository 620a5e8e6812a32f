package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// A mapping is a map whose keys are in order and fit to be used.
type mapping struct {
	spot
	entries []spot
}

func (m *mapping) get(key string) (spot, bool) {
	for _, entry := range m.entries {
		if entry.key.Value == key {
			return entry, true
		}
	}
	return spot{}, false
}

// mapping returns the entries of a map, without those that are complained of: duplicates, and, where known names are
// given, all others. It returns nil if the value is no map.
func (d *decoder) mapping(at spot, known ...string) *mapping {
	if d.refused[at.value] {
		return nil
	}
	if at.value.Kind != yaml.MappingNode {
		if isNull(at.value) {
			d.report(at, "", "has no value: expected a map")
		} else {
			d.report(at, "", "expected a map, found %s", d.shown(at.value))
		}
		return nil
	}
	m := &mapping{spot: at}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(at.value.Content); i += 2 {
		entry := at.child(at.value.Content[i], at.value.Content[i+1])
		name := entry.key.Value
		switch before, twice := first[name]; {
		case d.refused[entry.key]:
		case entry.key.Kind != yaml.ScalarNode:
			d.add(d.diagnostic(entry.key, at.path, "expected a text as key, found "+d.shown(entry.key), ""))
		case entry.key.Tag == "!!merge":
			d.reportKey(entry, "write the options out", "merge keys aren't supported")
		case twice:
			d.reportKey(entry, "", "key %s is given twice: first in line %d", pipeline.Quote(name), before.Line)
		case len(known) > 0 && !slices.Contains(known, name):
			first[name] = entry.key
			d.reportKey(entry, pipeline.Suggest(name, known, "known keys"), "unknown key %s", pipeline.Quote(name))
		default:
			first[name] = entry.key
			m.entries = append(m.entries, entry)
		}
	}
	return m
}

// elements returns the elements of a list.
func (d *decoder) elements(at spot, what string) []spot {
	if d.refused[at.value] {
		return nil
	}
	if at.value.Kind != yaml.SequenceNode {
		if isNull(at.value) {
			d.report(at, "", "has no value: expected %s", what)
		} else {
			d.report(at, "begin each element with -", "expected %s, found %s", what, d.shown(at.value))
		}
		return nil
	}
	list := make([]spot, len(at.value.Content))
	for i := range list {
		list[i] = at.element(i)
	}
	return list
}

// decode sets v, a part of a kind's config, from a value of the file.
func (d *decoder) decode(at spot, v reflect.Value) {
	if d.refused[at.value] {
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(at, v.Elem())
		return
	}
	if s, ok := v.Addr().Interface().(selfDecoder); ok {
		s.decode(d, at)
		return
	}
	if s, ok := v.Addr().Interface().(pipeline.Shorthand); ok && at.value.Kind != yaml.MappingNode {
		d.shorthand(at, s)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(at, v)
	case reflect.Map:
		d.table(at, v)
	case reflect.Slice:
		d.list(at, v)
	default:
		d.basic(at, v)
	}
}

func (d *decoder) shorthand(at spot, s pipeline.Shorthand) {
	text, ok := d.scalar(at, "a single value or a map")
	if !ok {
		return
	}
	if err := s.SetShorthand(text); err != nil {
		d.reportErrors(at, err)
	}
}

// structure sets the fields of a struct.
func (d *decoder) structure(at spot, v reflect.Value) {
	d.fields(at, v, func(entry spot, f field) { d.option(entry, f, v.Field(f.index)) })
}

// fields calls set for each field of a struct that a map has a value for, in the order of the fields, and complains of
// those that it must have and hasn't.
func (d *decoder) fields(at spot, v reflect.Value, set func(entry spot, f field)) {
	list := fieldsOf(v.Type())
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = f.name
	}
	m := d.mapping(at, names...)
	if m == nil {
		return
	}
	for _, f := range list {
		entry, ok := m.get(f.name)
		switch {
		case ok:
			set(entry, f)
		case f.required:
			d.reportKey(at, f.doc, "missing key %q", f.name)
		}
	}
}

// option sets a field of a struct.
func (d *decoder) option(at spot, f field, v reflect.Value) {
	before := len(d.problems)
	d.decode(at, v)
	if len(f.values) > 0 && len(d.problems) == before {
		d.among(at, f.values, v)
	}
	d.noteConnection(at, f.name, v)
}

// among complains of what isn't one of the values that an option may have.
func (d *decoder) among(at spot, values []string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			d.among(descend(at, strconv.Itoa(i)), values, v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			d.among(child(at, key.String()), values, v.MapIndex(key))
		}
	case reflect.String:
		if !slices.Contains(values, v.String()) {
			hint := ""
			if near := pipeline.Nearest(v.String(), values); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			d.report(at, hint, "unknown value %s: expected %s", d.shown(at.value), OrList(values))
		}
	}
}

// OrList returns a list as a message does: a, b or c.
func OrList(list []string) string {
	last := len(list) - 1
	if last == 0 {
		return list[0]
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// table sets the entries of a map from names.
func (d *decoder) table(at spot, v reflect.Value) {
	m := d.mapping(at)
	if m == nil {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(m.entries)))
	for _, entry := range m.entries {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(entry, element)
		v.SetMapIndex(reflect.ValueOf(entry.key.Value).Convert(v.Type().Key()), element)
	}
}

// list sets the elements of a slice. A scalar stands for a list of one.
func (d *decoder) list(at spot, v reflect.Value) {
	spots := []spot{at}
	if at.value.Kind != yaml.ScalarNode || isNull(at.value) {
		spots = d.elements(at, "a list")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(spots), len(spots)))
	for i, element := range spots {
		d.decode(element, v.Index(i))
	}
}

// basic sets a field that holds a single value.
func (d *decoder) basic(at spot, v reflect.Value) {
	what := typeName(v.Type())
	text, ok := d.scalar(at, what)
	if !ok {
		return
	}
	literal := text == at.value.Value
	if literal && v.Kind() != reflect.String && v.Type() != durationType && isQuoted(at.value) {
		d.report(at, "remove the quotes", "expected %s, found the text %s", what, d.shown(at.value))
		return
	}
	if !setBasic(v, text) {
		hint := ""
		if v.Type() == durationType && literal && strings.Trim(text, "0123456789") == "" {
			hint = "give the unit, such as " + clip(text) + "s"
		}
		d.report(at, hint, "expected %s, found %s", what, d.shown(at.value))
	}
}

func isQuoted(node *yaml.Node) bool {
	return node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

var durationType = reflect.TypeFor[time.Duration]()

// setBasic sets v from text, and tells whether text was fit for it.
func setBasic(v reflect.Value, text string) bool {
	if v.Type() == durationType {
		n, err := pipeline.ParseDuration(text)
		v.SetInt(int64(n))
		return err == nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return true
	case reflect.Bool:
		v.SetBool(text == "true")
		return text == "true" || text == "false"
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err == nil
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err == nil && strings.Trim(text, "+-.eE0123456789") == ""
	}
	panic("config: a kind has an option of type " + v.Type().String() + ", which can't be decoded")
}
