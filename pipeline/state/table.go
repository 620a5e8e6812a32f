package state

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"
)

// A table is the argument of the table macro: the columns of rows, each a []string, []int64, []bool or [][]byte, all of the
// same length. Postgres is given the columns, as arrays: that costs it a third less than to read rows from JSON. SQLite, which
// has no arrays, is given a parameter for each value, some rows at a time (see parts): to read rows from JSON costs it more, and
// to run a statement for each of them much more.
type table []any

// rows returns the number of rows.
func (t table) rows() int {
	switch column := t[0].(type) {
	case []string:
		return len(column)
	case []int64:
		return len(column)
	case []bool:
		return len(column)
	}
	return len(t[0].([][]byte))
}

// mostRows is how many rows of a table a statement of SQLite has at most.
const mostRows = 64

// parts returns what SQLite is given for a statement's args: the number of a part's rows, and the args with their values, row
// by row, in place of the table that comes last, if there is one. The number is a power of two, so that few statements have to
// be prepared.
func parts(args []any) iter.Seq2[int, []any] {
	return func(yield func(int, []any) bool) {
		last := len(args) - 1
		var t table
		if last >= 0 {
			t, _ = args[last].(table)
		}
		if t == nil {
			yield(1, args)
			return
		}
		for from, all := 0, t.rows(); from < all; {
			n := 1 << (bits.Len(uint(min(all-from, mostRows))) - 1)
			if !yield(n, t.values(args[:last], from, n)) {
				return
			}
			from += n
		}
	}
}

// values returns args with the values of n rows after them.
func (t table) values(args []any, from, n int) []any {
	list := append(make([]any, 0, len(args)+n*len(t)), args...)
	for i := from; i < from+n; i++ {
		for _, column := range t {
			list = append(list, cell(column, i))
		}
	}
	return list
}

func cell(column any, n int) any {
	switch column := column.(type) {
	case []string:
		return column[n]
	case []int64:
		return column[n]
	case []bool:
		return column[n]
	}
	return column.([][]byte)[n]
}

// postgresTable has the columns unnested.
func postgresTable(first int, alias string, columns []column, _ int) string {
	var arrays, names, values []string
	for i, c := range columns {
		kind, value := c.kind, c.name
		if kind == "jsonb" {
			kind, value = "text", fmt.Sprintf("nullif(%[1]s, '')::jsonb as %[1]s", c.name)
		}
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", first+i, kind))
		names, values = append(names, c.name), append(values, value)
	}
	return fmt.Sprintf("(select %s from unnest(%s) as u(%s)) as %s", strings.Join(values, ", "), strings.Join(arrays, ", "), strings.Join(names, ", "), alias)
}

// sqliteTable has a parameter for each value of the rows. Only the first has a number, from which the others count on: SQLite
// goes through all names that it knows for each that it reads.
func sqliteTable(first int, alias string, columns []column, rows int) string {
	var values []string
	for i, c := range columns {
		form := "column%d as %s"
		if c.kind == "jsonb" {
			form = "nullif(column%d, '') as %s"
		}
		values = append(values, fmt.Sprintf(form, i+1, c.name))
	}
	others := strings.Repeat(", ?", len(columns)-1) + ")"
	given := fmt.Sprintf("(?%d%s%s", first, others, strings.Repeat(", (?"+others, rows-1))
	return fmt.Sprintf("(select %s from (values %s)) as %s", strings.Join(values, ", "), given, alias)
}
