package expression

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"sluice/pipeline"
)

// functions are all that can be called, beside column("name").
var functions = map[string]*function{
	"coalesce": {params: "aa*", typ: givesCommon, keepNull: true, lazy: lazyCoalesce},
	"nullif":   {params: "aa", typ: givesFirst, keepNull: true, call: nullif},

	"lower":          stringFunction(strings.ToLower),
	"upper":          stringFunction(strings.ToUpper),
	"trim":           trimFunction(strings.TrimFunc, strings.Trim),
	"ltrim":          trimFunction(strings.TrimLeftFunc, strings.TrimLeft),
	"rtrim":          trimFunction(strings.TrimRightFunc, strings.TrimRight),
	"starts_with":    testFunction(strings.HasPrefix),
	"ends_with":      testFunction(strings.HasSuffix),
	"length":         {params: "s", typ: gives(pipeline.Int), call: length},
	"concat":         {params: "a*", typ: gives(pipeline.String), call: concat},
	"concat_ws":      {params: "sa*", typ: gives(pipeline.String), keepNull: true, call: concatWS},
	"substr":         {params: "si|i", typ: gives(pipeline.String), call: substr},
	"left":           {params: "si", typ: gives(pipeline.String), call: left},
	"right":          {params: "si", typ: gives(pipeline.String), call: right},
	"lpad":           {params: "si|s", typ: gives(pipeline.String), call: lpad},
	"replace":        {params: "sss", typ: gives(pipeline.String), call: replace},
	"split_part":     {params: "ssi", typ: gives(pipeline.String), call: splitPart},
	"regexp_replace": {params: "sss", typ: gives(pipeline.String), prepare: prepareReplace},
	"regexp_extract": {params: "ss", typ: gives(pipeline.String), prepare: prepareExtract},
	"sha256":         {params: "s", typ: gives(pipeline.String), call: digest},

	"int":     castFunction(pipeline.Int),
	"decimal": castFunction(pipeline.Decimal),
	"float":   castFunction(pipeline.Float),
	"string":  castFunction(pipeline.String),
	"bool":    castFunction(pipeline.Bool),
	"date":    castFunction(pipeline.Date),
	"time":    castFunction(pipeline.Time),

	"abs":   {params: "n", typ: givesFirst, call: absolute},
	"floor": {params: "n", typ: givesFirst, call: whole(false)},
	"ceil":  {params: "n", typ: givesFirst, call: whole(true)},
	"round": {params: "n|i", typ: givesFirst, call: rounded},

	"json_get": {params: "ss", typ: gives(pipeline.Null), call: jsonGet},

	"to_date":     {params: "ss", typ: gives(pipeline.Date), prepare: prepareParse(day)},
	"to_time":     {params: "ss", typ: gives(pipeline.Time), prepare: prepareParse(instant)},
	"format_date": {params: "ds", typ: gives(pipeline.String), prepare: prepareFormat},
	"date_trunc":  {params: "sd", typ: func(args []node) pipeline.Type { return args[1].typ }, call: dateTrunc},
	"year":        partFunction(time.Time.Year),
	"month":       partFunction(func(t time.Time) int { return int(t.Month()) }),
	"day":         partFunction(time.Time.Day),
}

// nullif returns the first argument, or null if it equals the second.
func nullif(args []pipeline.Value) (pipeline.Value, error) {
	if args[0].IsNull() || args[1].IsNull() {
		return args[0], nil
	}
	n, err := compare(args[0], args[1])
	if err != nil || n == 0 {
		return null, err
	}
	return args[0], nil
}

func absolute(args []pipeline.Value) (pipeline.Value, error) {
	v := args[0]
	switch v.Type() {
	case pipeline.Int:
		if v.Int() < 0 {
			return integers("-", 0, v.Int())
		}
		return v, nil
	case pipeline.Float:
		return pipeline.FloatValue(math.Abs(v.Float())), nil
	}
	d, err := decimalOf(v)
	if err != nil {
		return null, err
	}
	return decimal{new(big.Int).Abs(d.coefficient), d.scale}.value(), nil
}

// whole returns the function that rounds up, or down.
func whole(up bool) func([]pipeline.Value) (pipeline.Value, error) {
	return func(args []pipeline.Value) (pipeline.Value, error) {
		v := args[0]
		switch v.Type() {
		case pipeline.Int:
			return v, nil
		case pipeline.Float:
			if up {
				return pipeline.FloatValue(math.Ceil(v.Float())), nil
			}
			return pipeline.FloatValue(math.Floor(v.Float())), nil
		}
		d, err := decimalOf(v)
		if err != nil {
			return null, err
		}
		return d.towards(up).value(), nil
	}
}

// maxPlaces bounds the second argument of round.
const maxPlaces = 100

// rounded rounds to a number of places, halves away from zero. A Float is rounded as the number that it is written as.
func rounded(args []pipeline.Value) (pipeline.Value, error) {
	v, places := args[0], int64(0)
	if len(args) == 2 {
		places = args[1].Int()
	}
	if places < -maxPlaces || places > maxPlaces {
		return null, fmt.Errorf("round takes from %d to %d places, not %d", -maxPlaces, maxPlaces, places)
	}
	if v.Type() == pipeline.Int && places >= 0 {
		return v, nil
	}
	d, err := decimalOf(v)
	if err != nil {
		return null, err
	}
	result := d.round(int(places)).value()
	switch v.Type() {
	case pipeline.Int:
		return toInt(result)
	case pipeline.Float:
		return toFloat(result)
	}
	return result, nil
}
