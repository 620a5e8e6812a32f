package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"sluice/pipeline/config"
)

// The schema in the repository is the one that the program prints.
func TestSchemaIsUpToDate(t *testing.T) {
	kept, err := os.ReadFile(filepath.Join(repository(t), "pipelines.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, config.JSONSchema(kinds)) {
		t.Error("pipelines.schema.json is stale; run: go generate ./cmd/sluice")
	}
}

// compileSchema returns the schema, which must be one by the rules of draft 7.
func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.JSONSchema(kinds)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("pipelines.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("pipelines.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance returns a YAML file as editors see it: as the JSON document that it stands for. Texts of times are texts.
func instance(source []byte) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil || len(doc.Content) == 0 {
		return nil, err
	}
	return instanceOf(doc.Content[0]), nil
}

func instanceOf(node *yaml.Node) any {
	switch node.Kind {
	case yaml.AliasNode:
		return instanceOf(node.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, child := range node.Content {
			list = append(list, instanceOf(child))
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			m[node.Content[i].Value] = instanceOf(node.Content[i+1])
		}
		return m
	}
	var v any
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		if err := node.Decode(&v); err != nil {
			return node.Value
		}
	}
	switch n := v.(type) {
	case bool, int, int64, uint64:
		return n
	case float64:
		if !math.IsInf(n, 0) && !math.IsNaN(n) {
			return n
		}
	}
	return node.Value
}

// check returns what is wrong with a file by the schema.
func check(s *jsonschema.Schema, source []byte) error {
	v, err := instance(source)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// The files with pipelines in this repository, those of scripts and of README.md among them, are valid if the program
// accepts them.
func TestFilesAreValid(t *testing.T) {
	s := compileSchema(t)
	files := everyFile(t)
	valid := 0
	for name, source := range files {
		_, problems := parseFile(source)
		err := check(s, []byte(source))
		if len(problems) == 0 {
			valid++
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if valid < 20 {
		t.Errorf("of %d files %d are right: too few to prove anything", len(files), valid)
	}
}

// everyFile returns the files with pipelines in this repository by name, without references to files.
func everyFile(t testing.TB) map[string]string {
	t.Helper()
	root := repository(t)
	files := map[string]string{}
	add := func(name, text string) {
		if strings.Contains(text, "pipelines:") {
			files[name] = regexp.MustCompile(`\$\{file:[^}]*\}`).ReplaceAllString(text, "secret")
		}
	}
	var found []string
	for _, pattern := range []string{"*.yaml", "testdata/*/*.yaml", "testdata/script/*.txtar", "README.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		found = append(found, names...)
	}
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch text := string(data); filepath.Ext(name) {
		case ".yaml":
			add(name, text)
		case ".txtar":
			for _, file := range strings.Split(text, "\n-- ")[1:] {
				if header, text, _ := strings.Cut(file, "\n"); strings.HasSuffix(header, ".yaml --") {
					add(name+" "+header, text+"\n")
				}
			}
		case ".md":
			for i, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
				add(fmt.Sprint(name, " ", i), m[1])
			}
		}
	}
	return files
}

// unseen are the files of testdata/errors that are valid by the schema, with what it can't see.
var unseen = map[string]string{
	"bad-reference":                   "what is in a reference",
	"circular-after":                  "that pipelines wait for each other",
	"duplicate-key":                   "that a key is given twice; editors see it",
	"duplicate-pipeline":              "that a key is given twice; editors see it",
	"list-as-key":                     "that a key is no text",
	"missing-variable":                "the environment",
	"options-that-exclude-each-other": "what options mean together",
	"tag-in-an-expression":            "tags",
	"two-documents":                   "that there are two",
	"unknown-after":                   "names given elsewhere",
	"unknown-connection":              "names given elsewhere",
}

// Of the files of testdata/errors, those whose structure is wrong are refused by the schema.
func TestWrongFilesAreRefused(t *testing.T) {
	s := compileSchema(t)
	names, err := filepath.Glob(filepath.Join(repository(t), "testdata", "errors", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	var valid []string
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if check(s, source) == nil {
			valid = append(valid, strings.TrimSuffix(filepath.Base(name), ".yaml"))
		}
	}
	for _, name := range valid {
		if unseen[name] == "" {
			t.Errorf("%s.yaml is valid", name)
		}
	}
	for name := range unseen {
		if !slices.Contains(valid, name) {
			t.Errorf("%s.yaml isn't valid: take it out of the table", name)
		}
	}
}

// What is wrong in one place of a file that is right otherwise is refused, and ways of writing are valid.
func TestSchemaSees(t *testing.T) {
	s := compileSchema(t)
	for _, tt := range []struct {
		part, text string
		valid      bool
	}{
		{"source", "csv: people.csv", true},
		{"source", "csv: 2026", true},
		{"source", "csv: { path: [a.csv, b.csv], header: false, columns: email, types: { email: string } }", true},
		{"source", "csv: { path: a.csv, header: '${HEADER}' }", true},
		{"source", "csv: { path: a.csv, header: 'true' }", false},
		{"source", "csv: { path: a.csv, header: 1 }", false},
		{"source", "csv: { path: { a: b } }", false},
		{"source", "csv: [people.csv]", false},
		{"source", "csv:", false},
		{"source", "csv: { path: a.csv, types: { email: text } }", false},
		{"source", "csv: { path: a.csv, types: { email: '${TYPE}' } }", true},
		{"source", "csv: { path: a.csv, types: { email: } }", false},
		{"source", "csv: a.csv\nparquet: a.parquet", false},
		{"source", "{}", false},
		{"source", "postgres: { connection: warehouse, table: people, cursor: updated_at, lag: 1h30m, timeout: 0, page: 10 }", true},
		{"source", "postgres: { connection: warehouse, table: people, cursor: updated_at, lag: 1.5h }", true},
		{"source", "postgres: { connection: warehouse, table: people, lag: 30 }", false},
		{"source", "postgres: { connection: warehouse, table: people, lag: 1 day }", false},
		{"source", "postgres: { connection: warehouse, table: people, page: 1.5 }", false},
		{"source", "postgres: { connection: warehouse, table: people, page: many }", false},
		{"source", "postgres: { table: people }", false},
		{"connection", "postgres:", true},
		{"connection", "hubspot: { access_token: 5, api_version: v3 }", true},
		{"connection", "hubspot: { access_token: a, api_version: v4 }", false},
		{"connection", "hubspot: { oauth: { client_id: a, client_secret: b } }", false},
		{"transform", "filter: true", true},
		{"transform", "filter: { expression: age > 17 }", true},
		{"transform", "filter: [age > 17]", false},
		{"transform", "map: { a: b, c: { from: d, null: clear, values: { 1: x } }, e: { value: false } }", true},
		{"transform", "map: { c: { from: d, null: keep } }", false},
		{"transform", "map: { c: { form: d } }", false},
		{"transform", "map: { c: }", false},
		{"transform", "resolve: { a: b }", false},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, max_rejects: 10% }", true},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, max_rejects: 0.1 }", true},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, max_rejects: { of: 0.1 } }", true},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, max_rejects: half }", false},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, associations: { to: a, id: b } }", false},
		{"sink", "hubspot: { connection: crm, object: contacts, match: email, associations: [{ to: a, id: b, label: c }] }", true},
	} {
		file := fileWith(tt.part, tt.text)
		err := check(s, []byte(file))
		if (err == nil) != tt.valid {
			t.Errorf("%s: %s: valid %v, want %v: %v", tt.part, tt.text, err == nil, tt.valid, err)
		}
		if _, problems := parseFile(file); (len(problems) == 0) != tt.valid {
			t.Errorf("%s: %s: the program says otherwise: %v", tt.part, tt.text, problems)
		}
	}
}

// FuzzSchema proves that what the program accepts is valid.
func FuzzSchema(f *testing.F) {
	s := compileSchema(f)
	for _, source := range everyFile(f) {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "file:") {
			return // reads files
		}
		if _, problems := parseFile(source); len(problems) > 0 {
			return
		}
		if err := check(s, []byte(source)); err != nil {
			t.Errorf("%v\n%s", err, source)
		}
	})
}
