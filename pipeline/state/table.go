package state

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A table is the argument of the table macro: the columns of rows, each a []string, []int64, []bool or [][]byte, all of the
// same length. Postgres is given the columns, as arrays: that costs it a third less than to read rows from JSON. SQLite, which
// has no arrays, is given the rows: to run a statement for each of them costs a quarter more.
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

// json returns the rows as a JSON array of arrays. Bytes are hexadecimal.
func (t table) json() string {
	b := make([]byte, 0, 64*len(t)*t.rows())
	for n := range t.rows() {
		b = append(b, ',')
		for i, column := range t {
			if b = append(b, ','); i == 0 {
				b[len(b)-1] = '['
			}
			b = appendCell(b, column, n)
		}
		b = append(b, ']')
	}
	b[0] = '['
	return string(append(b, ']'))
}

func appendCell(b []byte, column any, n int) []byte {
	switch column := column.(type) {
	case []string:
		return appendText(b, column[n])
	case []int64:
		return strconv.AppendInt(b, column[n], 10)
	case []bool:
		return strconv.AppendBool(b, column[n])
	}
	cell := column.([][]byte)[n]
	if cell == nil {
		return append(b, "null"...)
	}
	return append(hex.AppendEncode(append(b, '"'), cell), '"')
}

// postgresTable has the columns unnested.
func postgresTable(first int, alias string, columns []column) string {
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

// sqliteTable has the rows taken apart.
func sqliteTable(first int, alias string, columns []column) string {
	var values []string
	for i, c := range columns {
		form := "value->>%d as %s"
		switch c.kind {
		case "bytea":
			form = "unhex(value->>%d) as %s"
		case "jsonb":
			form = "nullif(value->>%d, '') as %s"
		}
		values = append(values, fmt.Sprintf(form, i, c.name))
	}
	return fmt.Sprintf("(select %s from jsonb_each($%d)) as %s", strings.Join(values, ", "), first, alias)
}
