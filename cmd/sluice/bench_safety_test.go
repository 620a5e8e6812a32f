//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sluice/pipeline/state/pgtest"
	"sluice/torture/mutations"
)

// BenchmarkSafety writes the same rows with the program, and with one that neither writes ahead what it is about to send
// nor checks its epoch; the two take turns. It tells how long both take (safe-s, unsafe-s), and the median of how much
// longer a safe run takes than the unsafe one after it (cost-%): at HubSpot's rate limit, and against a simulator that has
// none. Commits wait for the disk.
func BenchmarkSafety(b *testing.B) {
	const rows = 50_000
	sim, safe, unsafe := program(b, "hubspotsim"), program(b, "sluice"), program(b, "sluice", "-overlay", unsafely(b))
	source := fmt.Sprintf("csv: { path: %q }", peopleCSV(b, crowd{first: rows}))
	durable(b)
	for _, limits := range []struct {
		name  string
		flags []string
	}{
		{"limited", []string{"-limits", "-latency", "150ms"}},
		{"unlimited", nil},
	} {
		for _, state := range []string{"sqlite", "postgres"} {
			b.Run(limits.name+"/"+state, func(b *testing.B) {
				var safely, unsafely, cost []float64
				wall := func(program string) float64 {
					j := &job{sluice: program, dir: b.TempDir(), state: stateURL(b, state), source: source, hub: startHub(b, sim, limits.flags...)}
					report, u, err := j.run()
					if err != nil || report.Written != rows {
						b.Fatal(err, report)
					}
					return u.wall.Seconds()
				}
				for range rounds {
					with, without := wall(safe), wall(unsafe)
					safely, unsafely, cost = append(safely, with), append(unsafely, without), append(cost, 100*(with/without-1))
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(safely), "safe-s")
				b.ReportMetric(median(unsafely), "unsafe-s")
				b.ReportMetric(median(cost), "cost-%")
			})
		}
	}
}

// unsafely returns the overlay of a program without intents and without fences.
func unsafely(b *testing.B) string {
	b.Helper()
	root, err := filepath.Abs(repository(b))
	if err != nil {
		b.Fatal(err)
	}
	list, err := mutations.Load(os.DirFS(filepath.Join(root, "torture", "mutations", "unsafe")))
	if err != nil {
		b.Fatal(err)
	}
	overlay, err := mutations.Overlay(root, b.TempDir(), list...)
	if err != nil {
		b.Fatal(err)
	}
	return overlay
}

// durable has the cluster keep what it has answered, as one in production does, until the benchmark ends.
func durable(b *testing.B) {
	cluster := os.Getenv(pgtest.Variable)
	if cluster == "" {
		b.Fatalf("no Postgres to measure with: run `make bench B=Safety`")
	}
	set := func(fsync, pages string) {
		pgtest.Exec(b, cluster, "alter system set fsync = "+fsync, "alter system set full_page_writes = "+pages, "select pg_reload_conf()")
	}
	set("on", "on")
	b.Cleanup(func() { set("default", "default") })
}
