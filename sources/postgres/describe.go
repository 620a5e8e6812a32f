package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline"
)

// selection is which columns are wanted: found by name once the columns are known.
type selection struct {
	needed []string // nil: all
	rowKey []string
	key    []string
	cursor string
}

func (c *Config) selection(env pipeline.Env) selection {
	key := c.Key
	if len(key) == 0 {
		key = env.Key
	}
	return selection{needed: env.Needed, rowKey: env.Key, key: key, cursor: c.Cursor}
}

// describe finds out the columns and their types, and checks that the first page can be read.
func (s *source) describe(ctx context.Context, want selection) error {
	var all *pgconn.StatementDescription
	err := s.transact(ctx, func(ctx context.Context, pg *pgconn.PgConn) (err error) {
		s.unchecked = pg.ParameterStatus("server_encoding") == "SQL_ASCII"
		all, err = pg.Prepare(ctx, "", "select * from "+s.from, nil)
		return err
	})
	if err != nil {
		return s.refused(ctx, err)
	}
	if len(all.ParamOIDs) > 0 {
		return fieldError(s.option, "write the values into the query", "the query has parameters such as $1, which nothing gives a value")
	}
	if err := s.choose(all.Fields, want); err != nil {
		return err
	}
	if err := s.resolveTypes(ctx, all.Fields); err != nil {
		return s.refused(ctx, err)
	}
	if err := s.checkOrder(); err != nil {
		return err
	}
	var none page
	if err := s.fetch(ctx, s.pageStatement(position{Phase: keyedPhase}, nil, 0), &none); err != nil {
		return s.refused(ctx, err)
	}
	if s.cursor >= 0 {
		if err := s.warnBlind(ctx); err != nil {
			return s.refused(ctx, err)
		}
	}
	return nil
}

// choose finds the columns that are wanted.
func (s *source) choose(fields []pgconn.FieldDescription, want selection) error {
	var names []string
	for _, f := range fields {
		if slices.Contains(names, f.Name) {
			return fieldError(s.option, "give each column a name of its own, with AS", "column %q is there twice", f.Name)
		}
		names = append(names, f.Name)
	}
	known := func(option, name string) error {
		if slices.Contains(names, name) {
			return nil
		}
		return fieldError(option, pipeline.Suggest(name, names, "columns"), "%s has no column %q", s.name, name)
	}
	for _, name := range want.key {
		if err := known("key", name); err != nil {
			return err
		}
	}
	wanted := slices.Concat(want.needed, want.rowKey, want.key)
	if want.cursor != "" {
		if err := known("cursor", want.cursor); err != nil {
			return err
		}
		wanted = append(wanted, want.cursor)
	}
	for _, f := range fields {
		if want.needed == nil || slices.Contains(wanted, f.Name) {
			s.columns = append(s.columns, column{name: f.Name, oid: f.DataTypeOID})
		}
	}
	s.rowKey, s.key = s.places(want.rowKey), s.places(want.key)
	s.order = s.key
	if want.cursor != "" {
		s.cursor = s.places([]string{want.cursor})[0]
		s.order = append([]int{s.cursor}, slices.DeleteFunc(slices.Clone(s.key), func(i int) bool { return i == s.cursor })...)
	}
	return nil
}

// places returns where the columns with these names are, as far as they are there.
func (s *source) places(names []string) []int {
	var at []int
	for _, name := range names {
		if i := slices.IndexFunc(s.columns, func(c column) bool { return c.name == name }); i >= 0 {
			at = append(at, i)
		}
	}
	return at
}

// resolveTypes finds out which types are arrays, and which columns can't be null, and makes the schema.
func (s *source) resolveTypes(ctx context.Context, fields []pgconn.FieldDescription) error {
	oids := make([]string, len(s.columns))
	for i, c := range s.columns {
		oids[i] = strconv.FormatUint(uint64(c.oid), 10)
	}
	arrays, err := s.strings(ctx, "select oid from pg_catalog.pg_type where typcategory = 'A' and oid = any($1::oid[])", "{"+strings.Join(oids, ",")+"}")
	if err != nil {
		return err
	}
	var solid [][]string
	if s.option == "table" && len(fields) > 0 { // the columns of a query may be null by an outer join
		table := strconv.FormatUint(uint64(fields[0].TableOID), 10)
		if solid, err = s.strings(ctx, "select attname from pg_catalog.pg_attribute where attnotnull and attrelid = $1::oid", table); err != nil {
			return err
		}
	}
	has := func(rows [][]string, value string) bool {
		return slices.ContainsFunc(rows, func(row []string) bool { return row[0] == value })
	}
	s.schema = &pipeline.Schema{}
	for i, c := range s.columns {
		s.columns[i] = newColumn(c.name, c.oid, has(arrays, oids[i]))
		s.columns[i].nullable = !has(solid, c.name)
		s.schema.Fields = append(s.schema.Fields, pipeline.Field{Name: c.name, Type: s.columns[i].typ})
	}
	return nil
}

// checkOrder checks that rows can be paged by the columns of the order.
func (s *source) checkOrder() error {
	for _, i := range s.order {
		c := s.columns[i]
		option := "key"
		if i == s.cursor {
			option = "cursor"
		}
		if c.typ == pipeline.JSON {
			return fieldError(option, "name a column of a simple type", "column %q can't be paged by: it is an array or JSON", c.name)
		}
	}
	return nil
}

func fieldError(path, hint, format string, args ...any) error {
	return &pipeline.FieldError{Path: path, Err: fmt.Errorf(format, args...), Hint: hint}
}
