package expression

import (
	"fmt"

	"sluice/pipeline"
)

// arithmeticNode compiles + - * / %. Text is joined by +, and dates count in days.
func arithmeticNode(at int, operator string, a, b node) (node, error) {
	typ, err := resultType(operator, a, b)
	if err != nil {
		return node{}, failure(at, convertHint, "%v", err)
	}
	adapt := a.constant || b.constant
	return strict(at, typ, a, b, func(x, y pipeline.Value) (pipeline.Value, error) {
		s, t := x.Type(), y.Type()
		switch {
		case operator == "+" && s == pipeline.String && t == pipeline.String:
			return joined(x.Text(), y.Text())
		case s == pipeline.Date && t == pipeline.Int && (operator == "+" || operator == "-"):
			return addDays(operator, x, y.Int())
		case s == pipeline.Date && t == pipeline.Date && operator == "-":
			return pipeline.IntValue(x.Int() - y.Int()), nil
		}
		return arithmetic(operator, x, y, adapt)
	}), nil
}

func addDays(operator string, day pipeline.Value, n int64) (pipeline.Value, error) {
	const far = 10_000 * 366
	if n > far || n < -far {
		return null, fmt.Errorf("%s %s %d days is too far", day, operator, n)
	}
	if operator == "-" {
		n = -n
	}
	return pipeline.DateValue(day.Int() + n), nil
}

// resultType returns the type of a result, or an error for operands that don't go together.
func resultType(operator string, a, b node) (pipeline.Type, error) {
	s, t := a.typ, b.typ
	switch {
	case s == pipeline.Null || t == pipeline.Null:
		return pipeline.Null, nil
	case operator == "+" && s == pipeline.String && t == pipeline.String:
		return pipeline.String, nil
	case s == pipeline.Date && t == pipeline.Int && (operator == "+" || operator == "-"):
		return pipeline.Date, nil
	case s == pipeline.Date && t == pipeline.Date && operator == "-":
		return pipeline.Int, nil
	case !isNumber(s) || !isNumber(t), operator == "%" && (s != pipeline.Int || t != pipeline.Int):
		return pipeline.Null, fmt.Errorf("%s doesn't go with %s and %s", operator, s, t)
	case s == pipeline.Float || t == pipeline.Float:
		if s == pipeline.Decimal && !a.constant || t == pipeline.Decimal && !b.constant {
			return pipeline.Null, errMixed
		}
		return pipeline.Float, nil
	case s == pipeline.Int && t == pipeline.Int && operator != "/":
		return pipeline.Int, nil
	}
	return pipeline.Decimal, nil
}
