package expression

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"

	"sluice/pipeline"
)

var null pipeline.Value

// unary compiles -x, +x and not x.
func (c *compiler) unary(n *ast.UnaryNode) (node, error) {
	x, err := c.node(n.Node)
	if err != nil {
		return node{}, err
	}
	at := n.Location().From
	if n.Operator == "not" || n.Operator == "!" {
		if err := wantBool(x, n.Operator); err != nil {
			return node{}, err
		}
		return node{typ: pipeline.Bool, eval: func(row []pipeline.Value) (pipeline.Value, error) {
			is, err := truth(x, row)
			return (-is).value(), err
		}}, nil
	}
	if !isNumber(x.typ) && x.typ != pipeline.Null {
		return node{}, failure(x.at, convertHint, "%s needs a number, not %s", n.Operator, x.typ)
	}
	if n.Operator == "+" {
		return x, nil
	}
	if x.constant && !x.value.IsNull() {
		v, err := arithmetic("-", pipeline.IntValue(0), x.value, true)
		return literal(v), located(at, err)
	}
	zero := literal(pipeline.IntValue(0))
	return strict(at, x.typ, zero, x, func(a, b pipeline.Value) (pipeline.Value, error) { return arithmetic("-", a, b, true) }), nil
}

// binary compiles an operator with two operands.
func (c *compiler) binary(n *ast.BinaryNode) (node, error) {
	if n.Operator == "in" {
		return c.in(n)
	}
	a, err := c.node(n.Left)
	if err != nil {
		return node{}, err
	}
	b, err := c.node(n.Right)
	if err != nil {
		return node{}, err
	}
	at := n.Location().From
	switch n.Operator {
	case "and", "&&", "or", "||":
		return logic(n.Operator, a, b)
	case "??":
		return functions["coalesce"].compile(at, []node{a, b})
	case "==", "!=", "<", "<=", ">", ">=":
		return comparison(at, n.Operator, a, b)
	case "contains", "startsWith", "endsWith", "matches":
		return textTest(at, n.Operator, a, b)
	case "+", "-", "*", "/", "%":
		return arithmeticNode(at, n.Operator, a, b)
	}
	return node{}, failure(at, "", "operator %s isn't supported", n.Operator)
}

// strict returns a node that is null if an operand is, and else the result of f.
func strict(at int, typ pipeline.Type, a, b node, f func(a, b pipeline.Value) (pipeline.Value, error)) node {
	return node{typ: typ, eval: func(row []pipeline.Value) (pipeline.Value, error) {
		x, err := a.eval(row)
		if err != nil || x.IsNull() {
			return null, err
		}
		y, err := b.eval(row)
		if err != nil || y.IsNull() {
			return null, err
		}
		v, err := f(x, y)
		return v, located(at, err)
	}}
}

// A truthValue is false, unknown (null) or true.
type truthValue int8

const (
	noTruth  truthValue = -1
	unknown  truthValue = 0
	yesTruth truthValue = 1
)

func (t truthValue) value() pipeline.Value {
	if t == unknown {
		return null
	}
	return pipeline.BoolValue(t == yesTruth)
}

// truth evaluates a condition.
func truth(n node, row []pipeline.Value) (truthValue, error) {
	v, err := n.eval(row)
	switch {
	case err != nil || v.IsNull():
		return unknown, err
	case v.Type() != pipeline.Bool:
		return unknown, failure(n.at, "", "expected true or false, found %s %s", v.Type(), quote(v))
	case v.Bool():
		return yesTruth, nil
	}
	return noTruth, nil
}

func wantBool(n node, what string) error {
	if n.typ == pipeline.Bool || n.typ == pipeline.Null {
		return nil
	}
	return failure(n.at, "compare it, or write bool(x)", "%s needs true or false, not %s", what, n.typ)
}

// logic compiles and and or. The second operand is left alone where the first decides.
func logic(operator string, a, b node) (node, error) {
	for _, n := range []node{a, b} {
		if err := wantBool(n, operator); err != nil {
			return node{}, err
		}
	}
	decides := noTruth
	combine := func(x, y truthValue) truthValue { return min(x, y) }
	if operator == "or" || operator == "||" {
		decides = yesTruth
		combine = func(x, y truthValue) truthValue { return max(x, y) }
	}
	return node{typ: pipeline.Bool, eval: func(row []pipeline.Value) (pipeline.Value, error) {
		x, err := truth(a, row)
		if err != nil || x == decides {
			return x.value(), err
		}
		y, err := truth(b, row)
		return combine(x, y).value(), err
	}}, nil
}

// textTest compiles contains, startsWith, endsWith and matches.
func textTest(at int, operator string, a, b node) (node, error) {
	for _, n := range []node{a, b} {
		if !isText(n.typ) {
			return node{}, failure(n.at, "write string(x)", "%s needs text, not %s", operator, n.typ)
		}
	}
	test := map[string]func(s, part string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[operator]
	if operator == "matches" {
		pattern, err := constantPattern(b)
		if err != nil {
			return node{}, err
		}
		test = func(s, _ string) bool { return pattern.MatchString(s) }
	}
	return strict(at, pipeline.Bool, a, b, func(x, y pipeline.Value) (pipeline.Value, error) {
		if !isText(x.Type()) || !isText(y.Type()) {
			return null, fmt.Errorf("%s needs text, found %s %s", operator, x.Type(), quote(x))
		}
		return pipeline.BoolValue(test(x.Text(), y.Text())), nil
	}), nil
}

// constantPattern compiles a regular expression, which must be written in the expression: it is checked when the
// pipeline is opened, and compiled once.
func constantPattern(n node) (*regexp.Regexp, error) {
	if !n.constant || n.value.Type() != pipeline.String {
		return nil, failure(n.at, "", "a regular expression must be a text in quotes")
	}
	pattern, err := regexp.Compile(n.value.Text())
	if err != nil {
		return nil, failure(n.at, "", "%v", err)
	}
	return pattern, nil
}
