package expression

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// maxDigits bounds decimals, so that a chain of multiplications can't take all memory.
const maxDigits = 1000

// maxBits is the length up to which a coefficient certainly has no more than maxDigits.
const maxBits = 3321

// quotientPlaces is how many places after the point a quotient has at most.
const quotientPlaces = 20

// A decimal is coefficient / 10^scale.
type decimal struct {
	coefficient *big.Int
	scale       int
}

// parseDecimal reads a decimal number of at most maxDigits.
func parseDecimal(text string) (decimal, bool) {
	v, ok := pipeline.ParseText(pipeline.Decimal, text)
	whole, fraction, _ := strings.Cut(v.Text(), ".")
	if !ok || len(strings.TrimLeft(whole, "+-"))+len(fraction) > maxDigits {
		return decimal{}, false
	}
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	return decimal{n, len(fraction)}, ok
}

// decimalOf returns a number as a decimal: a Float as the number that it is written as.
func decimalOf(v pipeline.Value) (decimal, error) {
	switch v.Type() {
	case pipeline.Int:
		return decimal{big.NewInt(v.Int()), 0}, nil
	case pipeline.Float:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return decimal{}, fmt.Errorf("%v is no finite number", f)
		}
		d, _ := parseDecimal(strconv.FormatFloat(v.Float(), 'f', -1, 64))
		return d, nil
	}
	d, ok := parseDecimal(v.Text())
	if !ok {
		return d, fmt.Errorf("%s is no decimal number of at most %d digits", quote(v), maxDigits)
	}
	return d, nil
}

// value returns d as a Value, with as many places as its scale.
func (d decimal) value() pipeline.Value {
	text := new(big.Int).Abs(d.coefficient).String()
	if d.scale > 0 {
		if missing := d.scale + 1 - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		text = text[:len(text)-d.scale] + "." + text[len(text)-d.scale:]
	}
	if d.coefficient.Sign() < 0 {
		text = "-" + text
	}
	return pipeline.DecimalValue(text)
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// aligned returns the coefficients of both with the larger scale.
func aligned(a, b decimal) (x, y *big.Int, scale int) {
	x, y, scale = a.coefficient, b.coefficient, max(a.scale, b.scale)
	if a.scale < scale {
		x = new(big.Int).Mul(x, power(scale-a.scale))
	}
	if b.scale < scale {
		y = new(big.Int).Mul(y, power(scale-b.scale))
	}
	return x, y, scale
}

// round returns d with the given number of places, halves away from zero. Negative places round before the point.
func (d decimal) round(places int) decimal {
	if places >= d.scale {
		return decimal{new(big.Int).Mul(d.coefficient, power(places-d.scale)), places}
	}
	unit := power(d.scale - places)
	half := new(big.Int).Rsh(unit, 1)
	n := new(big.Int).Abs(d.coefficient)
	n.Quo(n.Add(n, half), unit)
	if d.coefficient.Sign() < 0 {
		n.Neg(n)
	}
	if places < 0 {
		return decimal{n.Mul(n, power(-places)), 0}
	}
	return decimal{n, places}
}

// towards returns the whole number next to d: below it, or above it.
func (d decimal) towards(up bool) decimal {
	n, rest := new(big.Int).QuoRem(d.coefficient, power(d.scale), new(big.Int))
	if rest.Sign() > 0 && up {
		n.Add(n, big.NewInt(1))
	}
	if rest.Sign() < 0 && !up {
		n.Sub(n, big.NewInt(1))
	}
	return decimal{n, 0}
}

// compareNumbers compares two numbers exactly.
func compareNumbers(a, b pipeline.Value) (int, error) {
	if a.Type() == pipeline.Int && b.Type() == pipeline.Int {
		return cmp.Compare(a.Int(), b.Int()), nil
	}
	x, err := decimalOf(a)
	if err != nil {
		return 0, err
	}
	y, err := decimalOf(b)
	if err != nil {
		return 0, err
	}
	m, n, _ := aligned(x, y)
	return m.Cmp(n), nil
}

var errZero = errors.New("division by zero")

// arithmetic computes a sum, difference, product, quotient or remainder of numbers that aren't null. With adapt, one of
// them is written in the expression, and becomes a float beside a float.
func arithmetic(operator string, a, b pipeline.Value, adapt bool) (pipeline.Value, error) {
	s, t := a.Type(), b.Type()
	switch {
	case !isNumber(s) || !isNumber(t):
		return null, fmt.Errorf("%s needs numbers, found %s %s and %s %s", operator, s, quote(a), t, quote(b))
	case operator == "%":
		return remainder(a, b)
	case s == pipeline.Float || t == pipeline.Float:
		return floats(operator, a, b, adapt)
	case s == pipeline.Int && t == pipeline.Int && operator != "/":
		return integers(operator, a.Int(), b.Int())
	}
	x, err := decimalOf(a)
	if err != nil {
		return null, err
	}
	y, err := decimalOf(b)
	if err != nil {
		return null, err
	}
	return decimals(operator, x, y)
}

func remainder(a, b pipeline.Value) (pipeline.Value, error) {
	switch {
	case a.Type() != pipeline.Int || b.Type() != pipeline.Int:
		return null, fmt.Errorf("%% needs whole numbers, found %s and %s", a.Type(), b.Type())
	case b.Int() == 0:
		return null, errZero
	case b.Int() == -1: // the only quotient that overflows
		return pipeline.IntValue(0), nil
	}
	return pipeline.IntValue(a.Int() % b.Int()), nil
}

func integers(operator string, a, b int64) (pipeline.Value, error) {
	var n int64
	fits := true
	switch operator {
	case "+":
		n = a + b
		fits = (n > a) == (b > 0)
	case "-":
		n = a - b
		fits = (n < a) == (b > 0)
	case "*":
		n = a * b
		fits = a == 0 || n/a == b && !(a == -1 && b == math.MinInt64)
	}
	if !fits {
		return null, fmt.Errorf("%d %s %d doesn't fit into 64 bits: write decimal(x)", a, operator, b)
	}
	return pipeline.IntValue(n), nil
}

func decimals(operator string, a, b decimal) (pipeline.Value, error) {
	x, y, scale := aligned(a, b)
	d := decimal{new(big.Int), scale}
	switch operator {
	case "+":
		d.coefficient.Add(x, y)
	case "-":
		d.coefficient.Sub(x, y)
	case "*":
		d = decimal{d.coefficient.Mul(a.coefficient, b.coefficient), a.scale + b.scale}
	case "/":
		if y.Sign() == 0 {
			return null, errZero
		}
		n := new(big.Int).Mul(x, power(quotientPlaces+1))
		d = trimmed(decimal{n.Quo(n, y), quotientPlaces + 1}.round(quotientPlaces))
	}
	if d.coefficient.BitLen() > maxBits || d.scale >= maxDigits {
		return null, fmt.Errorf("the result has more than %d digits", maxDigits)
	}
	return d.value(), nil
}

// trimmed returns d without zeros at its end.
func trimmed(d decimal) decimal {
	ten, rest := big.NewInt(10), new(big.Int)
	for d.scale > 0 {
		n, rest := new(big.Int).QuoRem(d.coefficient, ten, rest)
		if rest.Sign() != 0 {
			break
		}
		d = decimal{n, d.scale - 1}
	}
	return d
}

func floats(operator string, a, b pipeline.Value, adapt bool) (pipeline.Value, error) {
	x, err := floatOf(a, adapt)
	if err != nil {
		return null, err
	}
	y, err := floatOf(b, adapt)
	if err != nil {
		return null, err
	}
	var f float64
	switch operator {
	case "+":
		f = x + y
	case "-":
		f = x - y
	case "*":
		f = x * y
	case "/":
		if y == 0 {
			return null, errZero
		}
		f = x / y
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return null, fmt.Errorf("%v %s %v is no finite number", x, operator, y)
	}
	return pipeline.FloatValue(f), nil
}

// floatOf returns a number as a float, unless digits would get lost unasked.
func floatOf(v pipeline.Value, adapt bool) (float64, error) {
	switch {
	case v.Type() == pipeline.Float:
		return v.Float(), nil
	case adapt:
		return strconv.ParseFloat(v.String(), 64)
	case v.Type() == pipeline.Decimal:
		return 0, errMixed
	case v.Int() > 1<<53 || v.Int() < -1<<53:
		return 0, fmt.Errorf("%d has more digits than a float keeps: convert one of them, as with decimal(x) or float(x)", v.Int())
	}
	return float64(v.Int()), nil
}

var errMixed = errors.New("a decimal and a float don't mix, since digits would get lost: convert one of them, as with decimal(x) or float(x)")
