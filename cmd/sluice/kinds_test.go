package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/config"
)

// partsOfFile are the parts of a pipeline that is right; tests replace one of them.
var partsOfFile = map[string]string{
	"connection": `hubspot: { access_token: x }`, "source": "csv: people.csv", "transform": "map: { email: email }",
	"sink": "hubspot: { connection: crm, object: contacts, match: email }",
}

// fileWith returns a file whose part of that name is written so.
func fileWith(part, text string) string {
	written := func(name string, indent int) string {
		value := partsOfFile[name]
		if name == part {
			value = text
		}
		return strings.ReplaceAll("\n"+value, "\n", "\n"+strings.Repeat(" ", indent))
	}
	extra := "  crm: { hubspot: { access_token: x } }\n  warehouse: { postgres: }\n  c:" + written("connection", 4)
	return "version: 1\nconnections:\n" + extra + "\npipelines:\n  p:\n    source:" + written("source", 6) +
		"\n    key: email\n    transforms:\n      -" + written("transform", 8) + "\n    sink:" + written("sink", 6) + "\n"
}

// parseFile reads a file whose references stand for something that is right.
func parseFile(text string) (*config.Spec, config.Diagnostics) {
	values := map[string]string{"STATE": "sqlite:state.db", "SLUICE_STATE_URL": "sqlite:state.db", "SLUICE_TEST_STATE": "sqlite:state.db", "HEADER": "true", "TYPE": "int"}
	return config.Parse("pipelines.yaml", []byte(text), kinds, func(name string) (string, bool) {
		return cmp.Or(values[name], "x"), len(name) > 2 // short names are missing
	})
}

// Every kind says what it is, and shows an example that the program reads as that kind.
func TestEveryKindHasAnExample(t *testing.T) {
	for _, r := range config.References(kinds) {
		if r.Doc == "" || !strings.HasPrefix(r.Example, r.Name+":") {
			t.Errorf("%s %s: doc %q, example %q", r.Part, r.Name, r.Doc, r.Example)
		}
		if _, problems := parseFile(fileWith(r.Part, r.Example)); len(problems) > 0 {
			t.Errorf("%s %s: %v", r.Part, r.Name, problems)
		}
	}
}

// enums has a way to write every option that lists its values.
var enums = map[string]string{
	"connection hubspot api_version":    "hubspot: { access_token: x, api_version: %s }",
	"source csv types":                  "csv: { path: people.csv, types: { email: %s } }",
	"source csv empty":                  "csv: { path: people.csv, empty: %q }",
	"source parquet binary":             "parquet: { path: people.parquet, binary: %s }",
	"transform map NAME.type":           "map: { email: { from: email, type: %s } }",
	"transform map NAME.null":           "map: { email: { from: email, null: %s } }",
	"transform map NAME.when":           "map: { email: { from: email, when: %s } }",
	"transform map NAME.owner":          "map: { email: { from: email, owner: %s } }",
	"transform resolve NAME.missing":    "resolve: { other: { object: contacts, by: { email: email }, missing: %s } }",
	"sink hubspot mode":                 "hubspot: { connection: crm, object: contacts, match: email, mode: %s }",
	"sink hubspot on_conflict":          "hubspot: { connection: crm, object: contacts, match: email, on_conflict: %s }",
	"sink hubspot on_gone":              "hubspot: { connection: crm, object: contacts, match: email, on_gone: %s }",
	"sink hubspot properties.NAME.type": "hubspot: { connection: crm, object: contacts, match: email, properties: { tier: { type: %s, options: [gold] } } }",
	"sink hubspot translate":            "hubspot: { connection: crm, object: contacts, match: email, translate: { email: %s } }",
}

// A value that an option's tag lists is one that the kind knows, and one that it doesn't list is refused with its place.
func TestListedValuesAreThoseThatKindsKnow(t *testing.T) {
	for _, r := range config.References(kinds) {
		for _, o := range flatten("", r.Options) {
			if len(o.Values) == 0 {
				continue
			}
			name := r.Part + " " + r.Name + " " + o.name
			text, ok := enums[name]
			if !ok {
				t.Errorf("the table of this test has no %q", name)
				continue
			}
			for _, value := range o.Values {
				if err := unknownTo(fileWith(r.Part, fmt.Sprintf(text, value))); err != nil {
					t.Errorf("%s: %s: %v", name, value, err)
				}
			}
			_, problems := parseFile(fileWith(r.Part, fmt.Sprintf(text, "nonsense")))
			if len(problems) != 1 || !strings.Contains(problems[0].Message, `unknown value "nonsense": expected `+config.OrList(o.Values)) {
				t.Errorf("%s: nonsense: %v", name, problems)
			}
		}
	}
}

// unknownTo returns the error of a kind that doesn't know a value. That a mode doesn't go with other options isn't one.
func unknownTo(file string) error {
	spec, problems := parseFile(file)
	for _, p := range problems {
		if strings.Contains(p.Message, "unknown") {
			return errors.New(p.String())
		}
	}
	if len(problems) > 0 {
		return nil
	}
	_, err := spec.Pipelines[0].Source.Config.Open(context.Background(), pipeline.Env{})
	if f, ok := errors.AsType[*pipeline.FieldError](err); ok && f.Path != "path" { // there are no such files
		return err
	}
	return nil
}
