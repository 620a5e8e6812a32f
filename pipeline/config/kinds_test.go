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
		{Name: "postgres", New: func() pipeline.SourceConfig { return &postgresSource{Batch: 1000} }},
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
	URL string `yaml:"url" doc:"The connection URL, postgres://…"`
}

type hubspotConnection struct {
	noConnection
	AccessToken string `yaml:"access_token" doc:"The token of a private app."`
	BaseURL     string `yaml:"base_url,omitempty" doc:"Where the API is."`
	APIVersion  string `yaml:"api_version,omitempty" doc:"The version of the API."`
}

type csvSource struct {
	noSource
	Path      []string          `yaml:"path" doc:"Files or globs to read."`
	Delimiter string            `yaml:"delimiter,omitempty" doc:"What separates fields."`
	Header    bool              `yaml:"header,omitempty" doc:"Whether the first line names the columns."`
	Columns   map[string]string `yaml:"columns,omitempty" doc:"Types of columns."`
}

type parquetSource struct {
	noSource
	Path []string `yaml:"path" doc:"Files or globs to read."`
}

type postgresSource struct {
	noSource
	Connection string        `yaml:"connection" doc:"The name of a postgres connection."`
	Table      string        `yaml:"table,omitempty" doc:"The table to read."`
	Key        []string      `yaml:"key,omitempty" doc:"The columns to read by."`
	Cursor     string        `yaml:"cursor,omitempty" doc:"A column that grows with every change."`
	Lag        time.Duration `yaml:"lag,omitempty" doc:"How far back the cursor begins."`
	Batch      int           `yaml:"batch,omitempty" doc:"Rows in one query."`
	Sample     *float64      `yaml:"sample,omitempty" doc:"The share of rows to read."`
}

type mapTransform map[string]mapField

func (*mapTransform) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Transform, error) {
	return nil, errUnopened
}

func (m *mapTransform) Check() error {
	var errs []error
	for name, f := range *m {
		if f.From != "" && f.Expr != "" {
			errs = append(errs, &pipeline.FieldError{Path: name, Err: errors.New("give from or expr, not both")})
		}
	}
	return errors.Join(errs...)
}

type mapField struct {
	From   string            `yaml:"from,omitempty" doc:"A column."`
	Expr   string            `yaml:"expr,omitempty" doc:"An expression."`
	Null   string            `yaml:"null,omitempty" doc:"What a null does."`
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
	By      map[string]string `yaml:"by" doc:"A unique property and the column that holds its value."`
	Missing string            `yaml:"missing,omitempty" doc:"What a missing record does."`
}

type hubspotSink struct {
	noSink
	Connection   string        `yaml:"connection" doc:"The name of a hubspot connection."`
	Object       string        `yaml:"object,omitempty" doc:"The object to write."`
	Mode         string        `yaml:"mode,omitempty" doc:"How to write."`
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
