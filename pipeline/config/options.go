package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"sluice/pipeline"
)

// An Option is one option of a kind.
type Option struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"` // in words, such as "text", "duration", "list of text", "map"
	Doc       string   `json:"doc"`
	Required  bool     `json:"required,omitempty"`
	Default   string   `json:"default,omitempty"`   // "" if there is none
	Values    []string `json:"values,omitempty"`    // all that its texts may be; nil if they may be anything
	Shorthand bool     `json:"shorthand,omitempty"` // may be written as a single value
	Options   []Option `json:"options,omitempty"`   // of the map, or of each element, that the option holds
}

// Options lists the options of a config, as a Kind's New returns it. Where the config is a map from names of the
// user's own, the list is of one Option named "*".
func Options(config any) []Option {
	v := reflect.Indirect(reflect.ValueOf(config))
	if v.Kind() == reflect.Struct {
		return optionsOf(v)
	}
	return []Option{optionOf("*", reflect.New(v.Type().Elem()).Elem())}
}

func optionsOf(v reflect.Value) []Option {
	var list []Option
	for _, f := range fieldsOf(v.Type()) {
		o := optionOf(f.name, v.Field(f.index))
		o.Doc, o.Required, o.Values = f.doc, f.required, f.values
		list = append(list, o)
	}
	return list
}

func optionOf(name string, v reflect.Value) Option {
	o := Option{Name: name, Type: typeWord(v.Type()), Default: defaultOf(v)}
	t := v.Type()
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	o.Shorthand = isShorthand(t)
	if t.Kind() == reflect.Struct {
		o.Options = optionsOf(reflect.New(t).Elem())
	}
	return o
}

func defaultOf(v reflect.Value) string {
	switch {
	case v.IsZero():
		return ""
	case v.Kind() == reflect.Slice:
		var list []string
		for i := range v.Len() {
			list = append(list, defaultOf(v.Index(i)))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case v.Kind() == reflect.Struct, v.Kind() == reflect.Map, v.Kind() == reflect.Pointer:
		return ""
	}
	if v.Type() == durationType {
		return shortDuration(v.Interface().(time.Duration))
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration writes 5m as that, and not as 5m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if rest := strings.TrimSuffix(text, zero); strings.TrimRight(rest, "mh") != rest {
			text = rest
		}
	}
	return text
}

// isShorthand tells whether a value of a type may be written as a single scalar instead of a map.
func isShorthand(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[pipeline.Shorthand]())
}

// A field is a field of a config struct that is an option.
type field struct {
	name     string
	doc      string
	required bool
	values   []string // all that its texts may be; nil if they may be anything
	index    int
}

// fieldsOf returns the options of a struct, in order. This is the one place that reads the tags.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		one := field{name: name, doc: f.Tag.Get("doc"), required: flags != "omitempty", index: i}
		if values, ok := f.Tag.Lookup("enum"); ok {
			one.values = strings.Split(values, ",")
		}
		list = append(list, one)
	}
	return list
}

// typeName says what is expected of a value, for messages.
func typeName(t reflect.Type) string {
	if t == durationType {
		return "a duration such as 5m, 1h30m or 7d"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Map, reflect.Struct:
		return "a map"
	case reflect.Slice:
		return "a list"
	}
	return "a whole number"
}

// typeWord names a type for lists of options.
func typeWord(t reflect.Type) string {
	if t == durationType {
		return "duration"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeWord(t.Elem())
	case reflect.Slice:
		return "list of " + typeWord(t.Elem())
	case reflect.Map:
		return "map to " + typeWord(t.Elem())
	case reflect.Struct:
		return "map"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "number"
	}
	return "whole number"
}
