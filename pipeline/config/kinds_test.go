package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// The kinds of these tests have the names and the main options of the real ones, which this package mustn't import.
// What testdata/errors shows of them is the same, so that the program can be tested with these files too.

var testKinds = pipeline.Kinds{
	Connections: []pipeline.Kind[pipeline.ConnectionConfig]{
		{Name: "postgres", New: func() pipeline.ConnectionConfig { return &postgresConnection{} }},
		{Name: "hubspot", New: func() pipeline.ConnectionConfig {
			return &hubspotConnection{BaseURL: "https://api.hubapi.com", APIVersion: "2026-09"}
		}},
	},
	Sources: []pipeline.Kind[pipeline.SourceConfig]{
		{Name: "csv", New: func() pipeline.SourceConfig { return &csvSource{Delimiter: ",", Header: true} }},
		{Name: "parquet", New: func() pipeline.SourceConfig { return &parquetSource{} }},
		{Name: "postgres", New: func() pipeline.SourceConfig { return &postgresSource{Page: 1000} }},
	},
	Transforms: []pipeline.Kind[pipeline.TransformConfig]{
		{Name: "map", New: func() pipeline.TransformConfig { return &mapTransform{} }},
		{Name: "filter", New: func() pipeline.TransformConfig { return &filterTransform{} }},
		{Name: "resolve", New: func() pipeline.TransformConfig { return &resolveTransform{} }},
	},
	Sinks: []pipeline.Kind[pipeline.SinkConfig]{
		{Name: "hubspot", New: func() pipeline.SinkConfig { return &hubspotSink{} }},
	},
}

var errUnopened = errors.New("nothing is opened in these tests")

type noConnection struct{}

func (noConnection) Connect(context.Context, pipeline.Env) (io.Closer, error) {
	return nil, errUnopened
}

type noSource struct{}

func (noSource) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return nil, errUnopened }

type noTransform struct{}

func (noTransform) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Transform, error) {
	return nil, errUnopened
}

type noSink struct{}

func (noSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return nil, errUnopened
}

type postgresConnection struct {
	noConnection
	URL string `yaml:"url,omitempty" doc:"Connection string."`
}

type hubspotConnection struct {
	noConnection
	AccessToken string `yaml:"access_token,omitempty" doc:"The token of a private app or a service key."`
	BaseURL     string `yaml:"base_url,omitempty" doc:"Where the API is."`
	APIVersion  string `yaml:"api_version,omitempty" doc:"The version of the API."`
}

type csvSource struct {
	noSource
	Path      []string          `yaml:"path" doc:"The file, or a list of files; * ? and [] match names, which are then read in order of name."`
	Header    bool              `yaml:"header,omitempty" doc:"Whether the first line of each file names the columns."`
	Types     map[string]string `yaml:"types,omitempty" enum:"date,time" doc:"The types of columns that aren't text."`
	Delimiter string            `yaml:"delimiter,omitempty" doc:"The character between fields."`
}

type parquetSource struct {
	noSource
	Path []string `yaml:"path" doc:"Files or globs to read."`
}

type postgresSource struct {
	noSource
	Connection string        `yaml:"connection" doc:"Name of a connection of kind postgres."`
	Table      string        `yaml:"table,omitempty" doc:"Table or view, as schema.name."`
	Key        []string      `yaml:"key,omitempty" doc:"Columns that together identify a row and by which it is paged."`
	Cursor     string        `yaml:"cursor,omitempty" doc:"Column that grows whenever a row changes."`
	Lag        time.Duration `yaml:"lag,omitempty" doc:"How far behind the last cursor a run begins."`
	Page       int           `yaml:"page,omitempty" doc:"Most rows that one statement reads."`
}

type mapTransform map[string]mapField

func (*mapTransform) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Transform, error) {
	return nil, errUnopened
}

func (m *mapTransform) Check() error {
	var errs []error
	for name, f := range *m {
		if f.From != "" && f.Expr != "" {
			errs = append(errs, &pipeline.FieldError{Path: name, Err: errors.New("expected one of from, expr and value, found 2 of them"),
				Hint: "write the column alone, or {from: column}, {expr: …} or {value: …}"})
		}
	}
	return errors.Join(errs...)
}

type mapField struct {
	From   string            `yaml:"from,omitempty" doc:"A column."`
	Expr   string            `yaml:"expr,omitempty" doc:"An expression."`
	Null   string            `yaml:"null,omitempty" enum:"skip,clear,reject" doc:"What a null does."`
	Values map[string]string `yaml:"values,omitempty" doc:"Translations."`
}

func (f *mapField) SetShorthand(column string) error {
	f.From = column
	return nil
}

type filterTransform struct {
	noTransform
	Expression string `yaml:"expression" doc:"The rows to keep."`
}

func (f *filterTransform) SetShorthand(expression string) error {
	f.Expression = expression
	return nil
}

type resolveTransform map[string]resolveField

func (*resolveTransform) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Transform, error) {
	return nil, errUnopened
}

type resolveField struct {
	Object  string            `yaml:"object" doc:"The object to look in."`
	By      map[string]string `yaml:"by" doc:"A unique property of the object, and the column that holds its value: {domain: company_domain}. The property hs_object_id is the record's id."`
	Missing string            `yaml:"missing,omitempty" doc:"What a missing record does."`
}

type hubspotSink struct {
	noSink
	Connection   string        `yaml:"connection" doc:"The name of a hubspot connection."`
	Object       string        `yaml:"object,omitempty" doc:"The object to write."`
	Mode         string        `yaml:"mode,omitempty" enum:"update,upsert" doc:"How to write."`
	Match        string        `yaml:"match,omitempty" doc:"A unique property."`
	Associations []association `yaml:"associations,omitempty" doc:"Links to other records."`
	MaxRejects   share         `yaml:"max_rejects,omitempty" doc:"The share of rows that may be rejected."`
}

type association struct {
	To   string `yaml:"to" doc:"The object at the other end."`
	ID   string `yaml:"id" doc:"The field that names the record."`
	Type int    `yaml:"type,omitempty" doc:"The association type."`
}

type share struct {
	Of float64 `yaml:"of,omitempty" doc:"The share, from 0 to 1."`
}

func (s *share) SetShorthand(scalar string) error {
	of, err := strconv.ParseFloat(strings.TrimSuffix(scalar, "%"), 64)
	if err != nil {
		return fmt.Errorf("%q is no share: expected a percentage such as 10%%", scalar)
	}
	s.Of = of / 100
	return nil
}
