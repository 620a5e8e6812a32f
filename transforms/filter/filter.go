// Package filter is the transform that keeps the rows for which an expression is true.
package filter

import (
	"context"
	"errors"
	"fmt"

	"sluice/pipeline"
	"sluice/transforms/internal/expression"
)

// Kind is the transform "filter".
var Kind = pipeline.Kind[pipeline.TransformConfig]{
	Name:    "filter",
	Doc:     "Keeps the rows for which an expression is true.",
	Example: `filter: email != ""`,
	New:     func() pipeline.TransformConfig { return &Config{} },
}

// A Config holds the expression.
type Config struct {
	Expression string `yaml:"expression" doc:"The rows for which this is true are kept; those for which it is false or null are left out."`
}

// SetShorthand takes the expression.
func (c *Config) SetShorthand(expression string) error {
	if expression == "" {
		return errors.New("is empty: expected an expression, such as email != \"\"")
	}
	c.Expression = expression
	return nil
}

// Columns returns the columns that the expression uses.
func (c *Config) Columns() (names []string, ok bool) { return expression.Columns(c.Expression) }

// Check returns what can be seen to be wrong before the columns are known.
func (c *Config) Check() error {
	if err := expression.Check(c.Expression); err != nil {
		return expression.FieldError("expression", err)
	}
	return nil
}

// Open compiles the expression.
func (c *Config) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	program, err := expression.Compile(c.Expression, in)
	if err != nil {
		return nil, expression.FieldError("expression", err)
	}
	if t := program.Type(); t != pipeline.Bool && t != pipeline.Null {
		return nil, &pipeline.FieldError{Path: "expression", Err: fmt.Errorf("expected an expression that is true or false, this one is of type %s", t), Hint: "compare it with something, or write bool(x)"}
	}
	return &transform{schema: in, program: program}, nil
}

// A transform drops rows.
type transform struct {
	schema  *pipeline.Schema
	program *expression.Program
}

// String returns the name of the kind.
func (t *transform) String() string { return Kind.Name }

// Schema returns the fields that came in.
func (t *transform) Schema() *pipeline.Schema { return t.schema }

// Apply returns the rows for which the expression is true. Those for which it has no value are rejected.
func (t *transform) Apply(_ context.Context, rows []pipeline.Row, reject func(pipeline.Row, error)) ([]pipeline.Row, error) {
	kept := rows[:0]
	for _, row := range rows {
		v, err := t.program.Eval(row.Values)
		if err == nil && !v.IsNull() && v.Type() != pipeline.Bool {
			err = pipeline.Rejectf("expression", "the filter is neither true nor false, but of type %s", v.Type())
		}
		switch {
		case err != nil:
			reject(row, err)
		case v.Type() == pipeline.Bool && v.Bool():
			kept = append(kept, row)
		}
	}
	return kept, nil
}
