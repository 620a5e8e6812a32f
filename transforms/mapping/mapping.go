package mapping

import (
	"context"
	"fmt"
	"slices"

	"sluice/pipeline"
	"sluice/transforms/internal/expression"
)

// A transform appends properties to rows.
type transform struct {
	schema     *pipeline.Schema
	properties []property
	copies     []pipeline.Copied // the properties that are columns as they are
	made       []int             // the other properties
	leave      bool              // the copies are left out
}

// A property is one value that is appended to each row.
type property struct {
	name     string
	column   string              // "" if it isn't a column
	at       int                 // the column's place
	program  *expression.Program // nil if it isn't an expression
	fixed    pipeline.Value      // neither of them
	values   map[string]string
	cast     pipeline.Type // Null: as it is
	fallback pipeline.Value
	reject   bool // rows where it is null
}

// String returns the name of the kind.
func (t *transform) String() string { return Kind.Name }

// Schema returns the fields that came in, and then the properties in the order of their names.
func (t *transform) Schema() *pipeline.Schema { return t.schema }

// Leave has Apply leave out the properties that are columns as they are.
func (t *transform) Leave() []pipeline.Copied {
	t.leave = true
	return t.copies
}

// Apply appends the properties.
func (t *transform) Apply(_ context.Context, rows []pipeline.Row, reject func(pipeline.Row, error)) ([]pipeline.Row, error) {
	kept := 0
	for i := range rows {
		row := &rows[i]
		values, err := t.extend(row.Values)
		if err != nil {
			reject(*row, err)
			continue
		}
		if kept < i {
			rows[kept] = *row
		}
		rows[kept].Values = values
		kept++
	}
	return rows[:kept], nil
}

// extend appends the properties of a row to its values.
func (t *transform) extend(row []pipeline.Value) ([]pipeline.Value, error) {
	n := len(row)
	values := slices.Grow(row, len(t.properties))[:n+len(t.properties)]
	if !t.leave {
		for _, c := range t.copies {
			values[c.Field] = row[c.Of]
		}
	}
	for _, i := range t.made {
		v, err := t.properties[i].of(row)
		if err != nil {
			return nil, err
		}
		values[n+i] = v
	}
	return values, nil
}

// plain tells whether the property is a column as it is.
func (p *property) plain() bool {
	return p.column != "" && p.values == nil && p.fallback.IsNull() && p.cast == pipeline.Null && !p.reject
}

// of returns the property of a row.
func (p *property) of(row []pipeline.Value) (v pipeline.Value, err error) {
	switch {
	case p.program != nil:
		if v, err = p.program.Eval(row); err != nil {
			return v, fmt.Errorf("property %q: %w", p.name, err)
		}
	case p.column != "":
		v = row[p.at]
	default:
		return p.fixed, nil
	}
	was := v
	if p.values != nil && !v.IsNull() {
		text, listed := p.values[v.String()]
		v = pipeline.StringValue(text)
		if !listed {
			v = pipeline.Value{}
		}
	}
	if p.cast != pipeline.Null {
		cast, err := expression.Cast(p.cast, v)
		if err != nil {
			return v, pipeline.Rejectf("bad_"+p.cast.String(), "property %q%s: %w", p.name, p.from(), err)
		}
		v = cast
	}
	if v.IsNull() {
		v = p.fallback
	}
	if v.IsNull() && p.reject {
		return v, p.missing(was)
	}
	return v, nil
}

// missing returns why a row is rejected whose property is null.
func (p *property) missing(was pipeline.Value) error {
	if was.IsNull() {
		return pipeline.Rejectf("required_missing", "property %q is required%s, but null: fill it in, or give a default", p.name, p.from())
	}
	return pipeline.Rejectf("required_missing", "property %q is required%s, but %s isn't listed in its values: add it, or give a default", p.name, p.from(), pipeline.Quote(was.String()))
}

// from names the column, for messages.
func (p *property) from() string {
	if p.column == "" {
		return ""
	}
	return fmt.Sprintf(" (column %q)", p.column)
}
