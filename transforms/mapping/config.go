// Package mapping is the transform that names the properties that are sent: each is a column, an expression, or a
// fixed value.
package mapping

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/transforms/internal/expression"
)

// Kind is the transform "map".
var Kind = pipeline.Kind[pipeline.TransformConfig]{
	Name:    "map",
	Doc:     "Names the properties that are sent, each a column, an expression, or a fixed value.",
	Example: "map: { email: email, firstname: first_name, phone: { from: phone, null: clear } }",
	New:     func() pipeline.TransformConfig { return &Config{} },
}

// A Config holds the properties by name.
type Config map[string]Field

// A Field says what a property is made of. The steps are taken in this order: from, expr or value; values; type;
// default; null.
type Field struct {
	From    string            `yaml:"from,omitempty" doc:"The column that the property is."`
	Expr    string            `yaml:"expr,omitempty" doc:"The expression that computes the property."`
	Value   *string           `yaml:"value,omitempty" doc:"The property's value, the same in every row."`
	Values  map[string]string `yaml:"values,omitempty" doc:"Translates values by their exact text; a value that isn't listed counts as null."`
	Type    string            `yaml:"type,omitempty" enum:"string,int,decimal,float,bool,date,time" doc:"The type that values are converted to."`
	Default *string           `yaml:"default,omitempty" doc:"The value in place of a null."`
	Null    string            `yaml:"null,omitempty" enum:"skip,clear,reject" doc:"What a null does: skip (default: the property isn't sent), clear (the property is emptied) or reject (the row isn't written)."`
	When    string            `yaml:"when,omitempty" enum:"always,empty" doc:"Which records get the property: always (default), or empty (only those that have no value of it)."`
	Owner   string            `yaml:"owner,omitempty" enum:"sluice,shared" doc:"Whose the property is: sluice (default: it is what the row says), or shared (it isn't written to a record where somebody else has set it)."`
}

// What a null does.
const (
	nullSkip   = "skip"
	nullClear  = "clear"
	nullReject = "reject"
)

// Which records get a property, and whose it is.
const (
	whenAlways  = "always"
	whenEmpty   = "empty"
	ownerSluice = "sluice"
	ownerShared = "shared"
)

// SetShorthand takes the name of a column.
func (f *Field) SetShorthand(column string) error {
	if column == "" {
		return errors.New("is empty: expected the name of a column")
	}
	f.From = column
	return nil
}

// Columns returns the columns that the properties are made of; ok is false if an expression can't be read.
func (c *Config) Columns() (names []string, ok bool) {
	for _, f := range *c {
		if f.From != "" {
			names = append(names, f.From)
		}
		if f.Expr == "" {
			continue
		}
		used, ok := expression.Columns(f.Expr)
		if !ok {
			return nil, false
		}
		names = append(names, used...)
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// Check returns what can be seen to be wrong before the columns are known, all of it.
func (c *Config) Check() error {
	var errs []error
	if len(*c) == 0 {
		errs = append(errs, &pipeline.FieldError{Err: errors.New("names no property")})
	}
	for _, name := range c.Added() {
		f := (*c)[name]
		errs = append(errs, f.check(name)...)
	}
	return errors.Join(errs...)
}

// Added returns the properties in the order in which they are added to rows.
func (c *Config) Added() []string { return slices.Sorted(maps.Keys(*c)) }

// types are what a property can be converted to.
var types = []pipeline.Type{pipeline.String, pipeline.Int, pipeline.Decimal, pipeline.Float, pipeline.Bool, pipeline.Date, pipeline.Time}

func (f *Field) check(name string) (errs []error) {
	wrong := func(path, hint, format string, args ...any) {
		errs = append(errs, &pipeline.FieldError{Path: path, Err: fmt.Errorf(format, args...), Hint: hint})
	}
	if name == "" || strings.TrimSpace(name) != name {
		wrong(name, "", "%q is no name of a property", name)
	}
	given := 0
	for _, is := range []bool{f.From != "", f.Expr != "", f.Value != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		wrong(name, "write the column alone, or {from: column}, {expr: …} or {value: …}", "expected one of from, expr and value, found %d of them", given)
	}
	if f.Expr != "" {
		if err := expression.Check(f.Expr); err != nil {
			errs = append(errs, expression.FieldError(name+".expr", err))
		}
	}
	if f.Value != nil && (f.Values != nil || f.Default != nil || f.Null != "") {
		wrong(name, "", "value is the same in every row: values, default and null have no meaning beside it")
	}
	if f.Values != nil && len(f.Values) == 0 {
		wrong(name+".values", "", "translates nothing")
	}
	if f.Null != "" && f.Null != nullSkip && f.Null != nullClear && f.Null != nullReject {
		wrong(name+".null", "", "unknown policy %q: expected %s, %s or %s", f.Null, nullSkip, nullClear, nullReject)
	}
	if f.When != "" && f.When != whenAlways && f.When != whenEmpty {
		wrong(name+".when", "", "unknown policy %q: expected %s or %s", f.When, whenAlways, whenEmpty)
	}
	if f.Owner != "" && f.Owner != ownerSluice && f.Owner != ownerShared {
		wrong(name+".owner", "", "unknown owner %q: expected %s or %s", f.Owner, ownerSluice, ownerShared)
	}
	if _, err := f.cast(); err != nil {
		wrong(name+".type", "", "%w", err)
	}
	return errs
}

// cast returns the type that values are converted to; Null if they aren't.
func (f *Field) cast() (pipeline.Type, error) {
	if f.Type == "" {
		return pipeline.Null, nil
	}
	t, _ := pipeline.ParseType(f.Type)
	if !slices.Contains(types, t) {
		return t, fmt.Errorf("unknown type %q: expected one of %v", f.Type, types)
	}
	return t, nil
}

// Open finds the columns and compiles the expressions.
func (c *Config) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	t := &transform{}
	var fields []pipeline.Field
	var errs []error
	for _, name := range c.Added() {
		f := (*c)[name]
		p, field, err := f.open(name, in)
		if err == nil && in.Index(pipeline.Property, name) >= 0 {
			err = &pipeline.FieldError{Path: name, Err: fmt.Errorf("property %q is mapped by an earlier map already", name)}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i := len(t.properties); p.plain() {
			t.copies = append(t.copies, pipeline.Copied{Field: len(in.Fields) + i, Of: p.at})
		} else {
			t.made = append(t.made, i)
		}
		t.properties = append(t.properties, p)
		fields = append(fields, field)
	}
	t.schema = in.With(fields...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// open makes a property and the field that it is in the schema.
func (f *Field) open(name string, in *pipeline.Schema) (property, pipeline.Field, error) {
	p := property{name: name, column: f.From, values: f.Values, reject: f.Null == nullReject}
	field := pipeline.Field{Name: name, Role: pipeline.Property, Clear: f.Null == nullClear, IfEmpty: f.When == whenEmpty, Shared: f.Owner == ownerShared, Fixed: f.fixed(), Constant: f.Value != nil}
	switch {
	case f.Value != nil:
		p.fixed, field.Type = pipeline.StringValue(*f.Value), pipeline.String
	case f.From != "":
		at, err := expression.Column(in, name+".from", f.From)
		if err != nil {
			return p, field, err
		}
		p.at, field.Type = at, in.Fields[at].Type
	default:
		program, err := expression.Compile(f.Expr, in)
		if err != nil {
			return p, field, expression.FieldError(name+".expr", err)
		}
		p.program, field.Type = program, program.Type()
	}
	if f.Values != nil {
		field.Type = pipeline.String
	}
	if p.cast, _ = f.cast(); p.cast != pipeline.Null {
		field.Type = p.cast
	}
	return p, field, f.openFixed(&p, field.Type)
}

// fixed returns the texts that stand in the config and may be sent, in order; none where they are converted.
func (f *Field) fixed() (list []string) {
	if f.Type != "" && f.Type != pipeline.String.String() {
		return nil
	}
	list = slices.Collect(maps.Values(f.Values))
	for _, text := range []*string{f.Value, f.Default} {
		if text != nil {
			list = append(list, *text)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// openFixed converts the values that stand in the config to the property's type.
func (f *Field) openFixed(p *property, t pipeline.Type) error {
	convert := func(path string, v pipeline.Value) (pipeline.Value, error) {
		if t != pipeline.Null && t != pipeline.JSON {
			var err error
			if v, err = expression.Cast(t, v); err != nil {
				return v, &pipeline.FieldError{Path: p.name + path, Err: err}
			}
		}
		return v, nil
	}
	var err error
	if f.Value != nil {
		p.fixed, err = convert(".value", p.fixed)
	}
	if f.Default != nil && err == nil {
		p.fallback, err = convert(".default", pipeline.StringValue(*f.Default))
	}
	return err
}

// Outputs returns what a property's values can be where the config lists them, in order; nil where it doesn't.
func (c *Config) Outputs(property string) []string {
	f := (*c)[property]
	if f.Values == nil {
		return nil
	}
	list := slices.Collect(maps.Values(f.Values))
	if f.Default != nil {
		list = append(list, *f.Default)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
