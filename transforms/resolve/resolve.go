// Package resolve is the transform that adds links to other records, named by the value of a unique property.
//
// It looks nothing up: what it adds is the key of the other record, and the engine turns that into the record's id
// only for rows that have changed.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"sluice/pipeline"
	"sluice/transforms/internal/expression"
)

// Kind is the transform "resolve".
var Kind = pipeline.Kind[pipeline.TransformConfig]{
	Name:    "resolve",
	Doc:     "Adds links to other records, found by the value of a unique property.",
	Example: "resolve:\n  company: { object: companies, by: { domain: company_domain } }",
	New:     func() pipeline.TransformConfig { return &Config{} },
}

// A Config holds the links by the name under which the sink knows them.
type Config map[string]Link

// A Link says which record a row is linked to.
type Link struct {
	Object  string            `yaml:"object" doc:"The object of the other record."`
	By      map[string]string `yaml:"by" doc:"A unique property of the object, and the column that holds its value: {domain: company_domain}. The property hs_object_id is the record's id."`
	Missing string            `yaml:"missing,omitempty" enum:"park,skip,reject" doc:"What a row does whose record isn't there: park (default: the link is made when the record is there), skip (the row is written without the link) or reject."`
	MaxAge  time.Duration     `yaml:"max_age,omitempty" doc:"How long a link may be parked, such as 30d, before a reject (parked_too_long) names the record that hasn't come. The row stays written, and the link is made once the record is there. No limit by default."`
}

// Columns returns the columns that hold the keys of other records.
func (c *Config) Columns() (names []string, ok bool) {
	for _, link := range *c {
		for _, column := range link.By {
			names = append(names, column)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// Added returns the links in the order in which they are added to rows.
func (c *Config) Added() []string { return slices.Sorted(maps.Keys(*c)) }

// Check returns what can be seen to be wrong before the columns are known, all of it.
func (c *Config) Check() error {
	var errs []error
	wrong := func(path, hint, format string, args ...any) {
		errs = append(errs, &pipeline.FieldError{Path: path, Err: fmt.Errorf(format, args...), Hint: hint})
	}
	if len(*c) == 0 {
		wrong("", "", "names no link")
	}
	for _, name := range c.Added() {
		link := (*c)[name]
		if link.Object == "" {
			wrong(name+".object", "", "is empty: expected the object of the other record")
		}
		if len(link.By) != 1 {
			wrong(name+".by", "write it as {domain: company_domain}", "expected one unique property with the column that holds its value, found %d", len(link.By))
		}
		for property, column := range link.By {
			if property == "" || column == "" {
				wrong(name+".by", "", "expected a property and a column, found %q and %q", property, column)
			}
		}
		switch parks := link.Missing == "" || pipeline.Missing(link.Missing) == pipeline.MissingPark; {
		case link.MaxAge < 0:
			wrong(name+".max_age", "", "%v is negative", link.MaxAge)
		case link.MaxAge > 0 && !parks:
			wrong(name+".max_age", "leave it out, or park links", "no link is parked with missing: %s", link.Missing)
		}
		switch pipeline.Missing(link.Missing) {
		case "", pipeline.MissingPark, pipeline.MissingSkip, pipeline.MissingReject:
		default:
			wrong(name+".missing", "", "unknown policy %q: expected %s, %s or %s", link.Missing, pipeline.MissingPark, pipeline.MissingSkip, pipeline.MissingReject)
		}
	}
	return errors.Join(errs...)
}

// Open finds the columns.
func (c *Config) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	t := &transform{}
	var fields []pipeline.Field
	var errs []error
	for _, name := range c.Added() {
		link := (*c)[name]
		if in.Index(pipeline.Link, name) >= 0 {
			errs = append(errs, &pipeline.FieldError{Path: name, Err: fmt.Errorf("link %q is added by an earlier resolve already", name)})
		}
		look := &pipeline.Lookup{Object: link.Object, Missing: pipeline.Missing(link.Missing), MaxAge: link.MaxAge}
		if look.Missing == "" {
			look.Missing = pipeline.MissingPark
		}
		for property, column := range link.By {
			look.Property = property
			at, err := expression.Column(in, name+".by."+property, column)
			if err != nil {
				errs = append(errs, err)
			}
			t.columns = append(t.columns, at)
		}
		fields = append(fields, pipeline.Field{Name: name, Type: pipeline.Ref, Role: pipeline.Link, Lookup: look})
	}
	t.schema = in.With(fields...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// A transform appends links to rows.
type transform struct {
	schema  *pipeline.Schema
	columns []int // the places of the columns that hold the keys
}

// String returns the name of the kind.
func (t *transform) String() string { return Kind.Name }

// Schema returns the fields that came in, and then the links in the order of their names.
func (t *transform) Schema() *pipeline.Schema { return t.schema }

// Apply appends a Ref for each link; a null where the column is null or empty: then there is no link.
func (t *transform) Apply(_ context.Context, rows []pipeline.Row, _ func(pipeline.Row, error)) ([]pipeline.Row, error) {
	for i := range rows {
		values := rows[i].Values
		for _, at := range t.columns {
			values = append(values, ref(values[at]))
		}
		rows[i].Values = values
	}
	return rows, nil
}

// ref returns the key that a column's value is.
func ref(v pipeline.Value) pipeline.Value {
	key := v.Text()
	switch v.Type() {
	case pipeline.String, pipeline.JSON, pipeline.Decimal, pipeline.Ref:
	case pipeline.Float:
		key = strconv.FormatFloat(v.Float(), 'f', -1, 64) // keys are often read as floats: 1000000, not 1e+06
	default:
		key = v.String()
	}
	if key == "" {
		return pipeline.Value{}
	}
	return pipeline.RefValue(key)
}
