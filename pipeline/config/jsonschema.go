package config

import (
	"encoding/json"
	"reflect"
	"time"

	"sluice/pipeline"
)

// JSONSchema returns the JSON Schema of the file, in draft 7, which the YAML language server of editors knows best. It
// comes from the tags that decode the file. Every file that Parse accepts is valid by it; of those that Parse refuses, what
// a schema can't see is valid, too: what one place says of another, what is in expressions, and YAML's own features.
func JSONSchema(kinds pipeline.Kinds) []byte {
	root := structSchema(reflect.ValueOf(Spec{}), fileSchema{kinds}.top)
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "The pipelines of Sluice"
	root["definitions"] = schema{"reference": schema{
		"type": "string", "pattern": `\$\{`,
		"description": "${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}: put in when the file is read.",
	}}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: " + err.Error())
	}
	return append(text, '\n')
}

type schema map[string]any

// A fileSchema makes the schemas of keys that aren't decoded like the options of kinds.
type fileSchema struct{ kinds pipeline.Kinds }

// placeholder is the schema of ${…}, which may stand wherever a scalar does.
var placeholder = schema{"$ref": "#/definitions/reference"}

// texts are the YAML scalars that are taken as texts: a null isn't one.
var texts = []string{"string", "number", "boolean"}

// top returns the schema of a key of the file.
func (s fileSchema) top(f field, v reflect.Value) schema {
	switch f.name {
	case "version":
		return anyOf(schema{"enum": []any{1, "1"}}, placeholder)
	case "state":
		return anyOf(schema{"type": "string", "pattern": statePattern}, placeholder)
	case "connections":
		return named(componentSchema(s.kinds.Connections))
	case "pipelines":
		pipelines := named(structSchema(reflect.ValueOf(Pipeline{}), s.pipeline))
		pipelines["minProperties"] = 1
		return pipelines
	}
	return optionSchema(f, v)
}

// pipeline returns the schema of a key of a pipeline.
func (s fileSchema) pipeline(f field, v reflect.Value) schema {
	switch f.name {
	case "source":
		return componentSchema(s.kinds.Sources)
	case "key":
		column := schema{"type": texts, "minLength": 1}
		return anyOf(column, schema{"type": "array", "items": column, "minItems": 1})
	case "transforms":
		return schema{"type": "array", "items": componentSchema(s.kinds.Transforms)}
	case "sink":
		return componentSchema(s.kinds.Sinks)
	}
	return optionSchema(f, v)
}

// named is the schema of a map from names of the user's own.
func named(of schema) schema {
	return schema{"type": "object", "propertyNames": schema{"pattern": namePattern}, "additionalProperties": of}
}

// componentSchema is the schema of a map that has one kind as its only key.
func componentSchema[C any](kinds []pipeline.Kind[C]) schema {
	properties := schema{}
	for _, k := range kinds {
		v := reflect.Indirect(reflect.ValueOf(k.New()))
		of := valueSchema(v, nil)
		if len(required(v.Type())) == 0 { // nothing after the kind means all defaults
			of = anyOf(schema{"type": "null"}, of)
		}
		of["description"] = k.Doc
		properties[k.Name] = of
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}
}

// required returns the names of the options that a type's map must have.
func required(t reflect.Type) []string {
	var names []string
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range fieldsOf(t) {
		if f.required {
			names = append(names, f.name)
		}
	}
	return names
}

// structSchema is the schema of a struct; of returns that of each of its fields.
func structSchema(v reflect.Value, of func(field, reflect.Value) schema) schema {
	properties := schema{}
	for _, f := range fieldsOf(v.Type()) {
		one := of(f, v.Field(f.index))
		one["description"] = f.doc
		properties[f.name] = one
	}
	object := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if names := required(v.Type()); len(names) > 0 {
		object["required"] = names
	}
	return object
}

// optionSchema is the schema of an option whose default is v.
func optionSchema(f field, v reflect.Value) schema {
	of := valueSchema(v, f.values)
	if !v.IsZero() {
		switch v.Kind() {
		case reflect.Bool, reflect.String, reflect.Float64, reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
			of["default"] = plainDefault(v)
		}
	}
	return of
}

func plainDefault(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return shortDuration(d)
	}
	return v.Interface()
}

// valueSchema is the schema of whatever decode takes for v; values are all that its texts may be, if that is known.
func valueSchema(v reflect.Value, values []string) schema {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		return valueSchema(reflect.New(t.Elem()).Elem(), values)
	case reflect.PointerTo(t).Implements(reflect.TypeFor[selfDecoder]()):
		return reflect.New(t).Interface().(selfDecoder).schema()
	case isShorthand(t):
		return anyOf(scalarSchema(t, values), fullSchema(v, values))
	}
	return fullSchema(v, values)
}

// fullSchema is the schema of a value that isn't written as a shorthand.
func fullSchema(v reflect.Value, values []string) schema {
	t := v.Type()
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(v, optionSchema)
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": valueSchema(reflect.New(t.Elem()).Elem(), values)}
	case reflect.Slice:
		list := schema{"type": "array", "items": valueSchema(reflect.New(t.Elem()).Elem(), values)}
		if alone := scalarSchema(t.Elem(), values); alone != nil { // a list of one may be written as the value
			return anyOf(alone, list)
		}
		return list
	}
	return scalarSchema(t, values)
}

// A patterned is a pipeline.Shorthand whose scalars look alike: Pattern is a regular expression for them that means the
// same to JavaScript.
type patterned interface{ Pattern() string }

// scalarSchema is the schema of the scalars that a type may be written as; nil if it can't be.
func scalarSchema(t reflect.Type, values []string) schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return scalarSchema(t.Elem(), values)
	case isShorthand(t):
		if p, ok := reflect.New(t).Interface().(patterned); ok {
			return anyOf(schema{"type": "string", "pattern": p.Pattern()}, schema{"type": "number"}, placeholder)
		}
		return schema{"type": texts}
	case t == durationType:
		return anyOf(schema{"type": "string", "pattern": durationPattern}, schema{"const": 0}, placeholder)
	case values != nil:
		return anyOf(schema{"enum": values}, placeholder)
	}
	switch t.Kind() {
	case reflect.String:
		return schema{"type": texts}
	case reflect.Bool:
		return anyOf(schema{"type": "boolean"}, placeholder)
	case reflect.Float64:
		return anyOf(schema{"type": "number"}, placeholder)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		return anyOf(schema{"type": "integer"}, placeholder)
	}
	return nil
}

// durationPattern is what pipeline.ParseDuration accepts, apart from the number 0.
const (
	durationParts   = `((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+|0`
	durationPattern = `^[-+]?(` + durationParts + `)$|^(\d{1,3}w(\d{1,4}d)?|\d{1,4}d)(` + durationParts + `)?$`
)

// anyOf is the schema of what one of several is the schema of.
func anyOf(alternatives ...schema) schema {
	var list []any
	for _, one := range alternatives {
		if nested, ok := one["anyOf"].([]any); ok && len(one) == 1 {
			list = append(list, nested...)
		} else {
			list = append(list, one)
		}
	}
	return schema{"anyOf": list}
}
