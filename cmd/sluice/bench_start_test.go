//go:build unix

package main

import (
	"fmt"
	"testing"
)

// BenchmarkStart plans a file of a thousand rows that haven't changed, with the state in SQLite. It tells the wall time
// (wall-ms) and the most memory (peak-MiB).
func BenchmarkStart(b *testing.B) {
	const rows = 1000
	j := &job{sluice: program(b, "sluice"), dir: b.TempDir(), state: stateURL(b, "sqlite"),
		source: fmt.Sprintf("csv: { path: %q }", peopleCSV(b, crowd{first: rows})), hub: startHub(b, program(b, "hubspotsim"))}
	j.fill(b, rows, nil)
	m := measured{}
	for range 11 {
		plan, err := j.command("plan", "--detailed-exitcode") // it fails where there is something to do
		if err != nil {
			b.Fatal(err)
		}
		u, err := spend(plan)
		if err != nil {
			b.Fatalf("%v\n%s", err, u.out)
		}
		m.add("wall", float64(u.wall.Microseconds())/1000)
		m.add("peak", u.peak)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(m["wall"]), "wall-ms")
	b.ReportMetric(median(m["peak"]), "peak-MiB")
}
