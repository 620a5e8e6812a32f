package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"sluice/pipeline"
)

// comparison compiles == and its like.
func comparison(at int, operator string, a, b node) (node, error) {
	if a.isNil() || b.isNil() {
		return nilTest(at, operator, a, b)
	}
	if !comparable(a.typ, b.typ) {
		return node{}, failure(at, convertHint, "%s can't be compared with %s", a.typ, b.typ)
	}
	return strict(at, pipeline.Bool, a, b, func(x, y pipeline.Value) (pipeline.Value, error) {
		n, err := compare(x, y)
		is := false
		switch operator {
		case "==":
			is = n == 0
		case "!=":
			is = n != 0
		case "<":
			is = n < 0
		case "<=":
			is = n <= 0
		case ">":
			is = n > 0
		case ">=":
			is = n >= 0
		}
		return pipeline.BoolValue(is), err
	}), nil
}

// nilTest compiles x == nil.
func nilTest(at int, operator string, a, b node) (node, error) {
	if operator != "==" && operator != "!=" {
		return node{}, failure(at, "", "nothing is %s nil: ask x == nil or x != nil", operator)
	}
	x := a
	if a.isNil() {
		x = b
	}
	return node{typ: pipeline.Bool, eval: func(row []pipeline.Value) (pipeline.Value, error) {
		v, err := x.eval(row)
		return pipeline.BoolValue(v.IsNull() == (operator == "==")), err
	}}, nil
}

// in compiles x in [a, b, …]: true if x equals one of the elements, else null if one of them is null.
func (c *compiler) in(n *ast.BinaryNode) (node, error) {
	at := n.Location().From
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return node{}, failure(at, "", "in needs a list, such as [1, 2]")
	}
	x, err := c.node(n.Left)
	if err != nil {
		return node{}, err
	}
	elements := make([]node, len(list.Nodes))
	for i, element := range list.Nodes {
		if elements[i], err = c.node(element); err != nil {
			return node{}, err
		}
		if !comparable(x.typ, elements[i].typ) {
			return node{}, failure(elements[i].at, convertHint, "%s can't be compared with %s", x.typ, elements[i].typ)
		}
	}
	return node{typ: pipeline.Bool, eval: func(row []pipeline.Value) (pipeline.Value, error) {
		v, err := x.eval(row)
		if err != nil || v.IsNull() {
			return null, err
		}
		found, err := among(v, elements, row)
		return found.value(), located(at, err)
	}}, nil
}

// among tells whether v, which isn't null, equals one of the elements.
func among(v pipeline.Value, elements []node, row []pipeline.Value) (truthValue, error) {
	found := noTruth
	for _, element := range elements {
		e, err := element.eval(row)
		switch {
		case err != nil:
			return unknown, err
		case e.IsNull():
			found = unknown
			continue
		}
		if n, err := compare(v, e); err != nil {
			return unknown, err
		} else if n == 0 {
			return yesTruth, nil
		}
	}
	return found, nil
}

const convertHint = "convert one of them, as with int(x), decimal(x), date(x) or string(x)"

func isText(t pipeline.Type) bool {
	return t == pipeline.String || t == pipeline.JSON || t == pipeline.Null
}

func isNumber(t pipeline.Type) bool {
	return t == pipeline.Int || t == pipeline.Decimal || t == pipeline.Float
}

func isDay(t pipeline.Type) bool { return t == pipeline.Date || t == pipeline.Time }

// comparable tells whether values of two types can be compared.
func comparable(a, b pipeline.Type) bool {
	return a == b || a == pipeline.Null || b == pipeline.Null || isNumber(a) && isNumber(b) || isDay(a) && isDay(b)
}

// compare compares two values, neither of them null.
func compare(a, b pipeline.Value) (int, error) {
	switch s, t := a.Type(), b.Type(); {
	case isNumber(s) && isNumber(t):
		return compareNumbers(a, b)
	case s == t && isText(s):
		return strings.Compare(a.Text(), b.Text()), nil
	case isDay(s) && isDay(t):
		return a.Time().Compare(b.Time()), nil
	case s == pipeline.Bool && t == pipeline.Bool:
		return btoi(a.Bool()) - btoi(b.Bool()), nil
	}
	return 0, fmt.Errorf("%s %s can't be compared with %s %s: %s", a.Type(), quote(a), b.Type(), quote(b), convertHint)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
