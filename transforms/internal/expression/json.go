package expression

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// jsonGet returns the part of a JSON document at a path of names and indexes, such as "address.lines.0": text, a
// number, a truth value, or JSON again; null where there is none.
func jsonGet(args []pipeline.Value) (pipeline.Value, error) {
	in := json.NewDecoder(strings.NewReader(args[0].Text()))
	in.UseNumber()
	var document any
	err := in.Decode(&document)
	if err == nil {
		if _, err = in.Token(); err == io.EOF {
			err = nil
		} else {
			err = fmt.Errorf("more follows its end")
		}
	}
	if err != nil {
		return null, fmt.Errorf("%s is no JSON document: %v", quote(args[0]), err)
	}
	for name := range strings.SplitSeq(args[1].Text(), ".") {
		document = member(document, name)
	}
	return fromJSON(document)
}

// member returns an entry of an object or an element of an array; nil if there is none.
func member(document any, name string) any {
	switch d := document.(type) {
	case map[string]any:
		return d[name]
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(d) {
			return d[i]
		}
	}
	return nil
}

// fromJSON returns what a part of a document is. Numbers keep their digits.
func fromJSON(part any) (pipeline.Value, error) {
	switch x := part.(type) {
	case nil:
		return null, nil
	case bool:
		return pipeline.BoolValue(x), nil
	case string:
		return pipeline.StringValue(x), nil
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return pipeline.IntValue(n), nil
		}
		if d, ok := parseDecimal(x.String()); ok {
			return d.value(), nil
		}
		return toFloat(pipeline.StringValue(x.String()))
	}
	text, err := json.Marshal(part)
	return pipeline.JSONValue(string(text)), err
}
