package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"sluice/pipeline"
)

// A column of a table that has a row for each pipeline; one that holds only zeros is left out unless it is always of
// interest.
type column[T any] struct {
	name   string
	value  func(*T) int64
	always bool
}

var columns = []column[pipeline.Report]{
	{"read", func(r *pipeline.Report) int64 { return r.Read }, true},
	{"written", func(r *pipeline.Report) int64 { return r.Written }, true},
	{"unchanged", func(r *pipeline.Report) int64 { return r.Unchanged }, true},
	{"filtered", func(r *pipeline.Report) int64 { return r.Filtered }, false},
	{"superseded", func(r *pipeline.Report) int64 { return r.Superseded }, false},
	{"rejected", func(r *pipeline.Report) int64 { return r.Rejected }, true},
	{"held", func(r *pipeline.Report) int64 { return r.Held }, false},
	{"linked", func(r *pipeline.Report) int64 { return r.Linked }, true},
	{"unlinked", func(r *pipeline.Report) int64 { return r.Unlinked }, false},
	{"parked", func(r *pipeline.Report) int64 { return r.Parked }, false},
	{"archived", func(r *pipeline.Report) int64 { return r.Archived }, false},
	{"requests", func(r *pipeline.Report) int64 { return r.Requests }, true},
}

// printReports prints a table of reports.
func printReports(w io.Writer, reports []pipeline.Report) {
	printTable(w, reports, columns, func(r *pipeline.Report) (string, string, float64) { return r.Name, r.Status, r.Seconds })
}

// printTable prints a table, one pipeline a line. ends returns what stands at the ends of a line: name, status and seconds.
func printTable[T any](w io.Writer, rows []T, columns []column[T], ends func(*T) (name, status string, seconds float64)) {
	var shown []column[T]
	for _, c := range columns {
		for i := range rows {
			if c.always || c.value(&rows[i]) != 0 {
				shown = append(shown, c)
				break
			}
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "pipeline\tstatus\t")
	for _, c := range shown {
		fmt.Fprint(t, c.name, "\t")
	}
	fmt.Fprintln(t, "seconds\t")
	for i := range rows {
		name, status, seconds := ends(&rows[i])
		fmt.Fprintf(t, "%s\t%s\t", name, status)
		for _, c := range shown {
			fmt.Fprint(t, strconv.FormatInt(c.value(&rows[i]), 10), "\t")
		}
		fmt.Fprintf(t, "%.2f\t\n", seconds)
	}
	t.Flush()
}

// count returns a number with the noun that it goes with.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// printLine prints v as JSON on one line.
func printLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
