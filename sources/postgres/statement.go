package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A statement is what one page is read with. Values are parameters, always.
type statement struct {
	sql     string
	params  [][]byte // as text
	types   []uint32 // of the parameters; 0 lets Postgres find out
	formats []int16  // of the columns
}

// pageStatement returns the statement for up to limit rows after a position.
func (s *source) pageStatement(at position, since *since, limit int) statement {
	st := statement{formats: make([]int16, len(s.columns))}
	list := make([]string, len(s.columns))
	for i, c := range s.columns {
		list[i], st.formats[i] = c.expr, c.format
	}
	tuple := s.tuple(&at)
	where := s.conditions(&st, at, since, tuple)
	st.sql = "select " + strings.Join(list, ", ") + " from " + s.from
	if len(where) > 0 {
		st.sql += " where " + strings.Join(where, " and ")
	}
	st.sql += " order by " + s.refs(tuple, ", ") + " limit " + strconv.Itoa(limit)
	return st
}

// conditions returns what holds for the rows of the phase that come after the position.
func (s *source) conditions(st *statement, at position, since *since, tuple []int) []string {
	if at.Phase == orphanPhase {
		var null []string
		for _, i := range s.key {
			null = append(null, s.columns[i].ref()+" is null")
		}
		return []string{"(" + strings.Join(null, " or ") + ")"}
	}
	var where []string
	if at.Phase == unsetPhase {
		where = append(where, s.columns[s.cursor].ref()+" is null")
	}
	for _, i := range tuple {
		if s.columns[i].nullable {
			where = append(where, s.columns[i].ref()+" is not null")
		}
	}
	switch {
	case at.After != nil:
		where = append(where, s.after(st, at.After, tuple))
	case since != nil:
		where = append(where, s.sinceCondition(st, since))
	}
	return where
}

// after is true for tuples greater than the given one: in the columns' own order, and with an index on them.
func (s *source) after(st *statement, last []string, tuple []int) string {
	places := make([]string, len(tuple))
	for i, column := range tuple {
		places[i] = st.param(last[i], s.columns[column].oid)
	}
	if len(tuple) == 1 {
		return s.refs(tuple, "") + " > " + places[0]
	}
	return "(" + s.refs(tuple, ", ") + ") > (" + strings.Join(places, ", ") + ")"
}

// sinceCondition is true for rows that an incremental pass reads. A date is compared as one, so that the day in which
// the lag ends is read whole.
func (s *source) sinceCondition(st *statement, since *since) string {
	c := s.columns[s.cursor]
	if !c.clock() {
		return c.ref() + " >= " + st.param(since.value, c.oid)
	}
	if since.began == 0 {
		return c.ref() + " >= " + st.param(since.value, timestamptzOID) + "::" + clocks[c.oid]
	}
	high, began := st.param(since.value, c.oid), st.param(writeMicros(since.began), timestamptzOID)
	lag := st.param(fmt.Sprintf("%d microseconds", since.lag.Microseconds()), intervalOID)
	return fmt.Sprintf("%s >= (least(%s, %s::%s) - %s)::%s", c.ref(), high, began, clocks[c.oid], lag, clocks[c.oid])
}

// param adds a parameter and returns its place.
func (st *statement) param(value string, oid uint32) string {
	st.params = append(st.params, []byte(value))
	st.types = append(st.types, oid)
	return "$" + strconv.Itoa(len(st.params))
}

// refs returns columns as the statement names them.
func (s *source) refs(columns []int, sep string) string {
	refs := make([]string, len(columns))
	for i, column := range columns {
		refs[i] = s.columns[column].ref()
	}
	return strings.Join(refs, sep)
}

// names returns columns as people name them.
func (s *source) names(columns []int, sep string) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = s.columns[column].name
	}
	return strings.Join(names, sep)
}

// columnsOf returns columns with their types, to tell whether a position still fits.
func (s *source) columnsOf(columns []int) string {
	var b strings.Builder
	for _, i := range columns {
		fmt.Fprintf(&b, "%q:%d ", s.columns[i].name, s.columns[i].oid)
	}
	return strings.TrimSpace(b.String())
}

var typeNumber = regexp.MustCompile(`":\d+( |$)`)

// untyped returns the columns of columnsOf without their types.
func untyped(columns string) string { return typeNumber.ReplaceAllString(columns, `"$1`) }

func (s *source) anyNullable(columns []int) bool {
	return slices.ContainsFunc(columns, func(i int) bool { return s.columns[i].nullable })
}

// quoteTable quotes a table's name part by part, as written: "public.orders" is "public"."orders". A part in double
// quotes may hold dots.
func quoteTable(name string) string {
	var parts pgx.Identifier
	var part strings.Builder
	quoted := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"' && quoted && strings.HasPrefix(name[i+1:], `"`):
			part.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String()).Sanitize()
}

// wrapQuery makes a query something to select from. The line breaks keep a comment at its end from going on.
func wrapQuery(query string) string {
	return "(\n" + strings.TrimRight(query, "; \t\r\n") + "\n) as t"
}

func texts(values []string) [][]byte {
	b := make([][]byte, len(values))
	for i, v := range values {
		b[i] = []byte(v)
	}
	return b
}
