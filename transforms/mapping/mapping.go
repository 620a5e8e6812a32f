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
	plain      []int // of each property
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
	values := slices.Grow(row, len(t.plain))[:n+len(t.plain)]
	added := values[n:]
	for i, at := range t.plain {
		if at >= 0 {
			added[i] = row[at]
			continue
		}
		v, err := t.properties[i].of(row)
		if err != nil {
			return nil, err
		}
		added[i] = v
	}
	return values, nil
}

// plain returns the place of the column that the property is as it is; -1 if it is another one.
func (p *property) plain() int {
	if p.column == "" || p.values != nil || !p.fallback.IsNull() || p.cast != pipeline.Null || p.reject {
		return -1
	}
	return p.at
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
