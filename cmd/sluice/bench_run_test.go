//go:build unix

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/pipeline/state/pgtest"
)

// stateURL returns the URL of an empty state.
func stateURL(b *testing.B, kind string) string {
	if kind == "postgres" {
		return pgtest.Database(b)
	}
	return "sqlite:" + filepath.Join(b.TempDir(), "state.db")
}

// A limited is what a run against a simulator with HubSpot's limits made of them.
type limited struct {
	budget, fill float64 // in percent
	refused      int64   // answers of 429
}

// BenchmarkLimits writes for two minutes to a simulator that allows 190 requests in any 10 seconds, and tells how much
// of that was used (budget-%), how full the requests were (fill-%), and how many were refused (429s). The runs wait for
// the most part, and so go on at the same time.
func BenchmarkLimits(b *testing.B) {
	const rows = 235_000 // more than can be written in the time
	sluice, sim, source := program(b, "sluice"), program(b, "hubspotsim"), fmt.Sprintf("csv: { path: %q }", peopleCSV(b, crowd{first: rows}))
	var names []string
	var errs []error
	var wg sync.WaitGroup
	results := make([]limited, 4)
	for _, state := range []string{"sqlite", "postgres"} {
		for _, latency := range []string{"150ms", "500ms"} {
			at := len(names)
			names, errs = append(names, state+"/"+latency), append(errs, nil)
			j := &job{sluice: sluice, dir: b.TempDir(), state: stateURL(b, state), source: source, hub: startHub(b, sim, "-limits", "-latency", latency)}
			wg.Go(func() { results[at], errs[at] = j.againstLimits(rows) })
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	for i, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(results[i].budget, "budget-%")
			b.ReportMetric(results[i].fill, "fill-%")
			b.ReportMetric(float64(results[i].refused), "429s")
		})
	}
}

func (j *job) againstLimits(rows int64) (l limited, err error) {
	const window, windows, most = 10 * time.Second, 12, 190
	before, err := j.hub.stats()
	if err != nil {
		return l, err
	}
	ended := make(chan error, 1)
	go func() {
		report, _, err := j.run()
		l.fill = float64(report.Written) / float64(report.Requests)
		if err == nil && report.Written != rows {
			err = fmt.Errorf("written %d of %d rows", report.Written, rows)
		}
		ended <- err
	}()
	now := before
	for now.Requests == before.Requests && err == nil {
		time.Sleep(5 * time.Millisecond)
		now, err = j.hub.stats()
	}
	if err == nil {
		time.Sleep(windows * window)
		now, err = j.hub.stats()
	}
	accepted := now.Requests - before.Requests - now.Limited
	err = errors.Join(err, <-ended)
	after, serr := j.hub.stats()
	l.refused, l.budget = after.Limited, 100*float64(accepted)/(windows*most)
	return l, errors.Join(err, serr)
}

// BenchmarkUnchanged reads a million rows of which none has changed, from each kind of source and with each kind of
// state: no request is made. It tells the CPU time (cpu-s), the time (wall-s) and the most memory (peak-MiB) of a run.
func BenchmarkUnchanged(b *testing.B) {
	const rows = 1_000_000
	sluice, sim := program(b, "sluice"), program(b, "hubspotsim")
	warehouse := peopleTable(b, rows)
	sources := []struct{ name, yaml string }{
		{"csv", fmt.Sprintf("csv: { path: %q }", peopleCSV(b, crowd{first: rows}))},
		{"parquet", fmt.Sprintf("parquet: { path: %q }", peopleParquet(b, crowd{first: rows}))},
		{"postgres", "postgres: { connection: warehouse, table: people }"},
	}
	for _, state := range []string{"sqlite", "postgres"} {
		b.Run(state, func(b *testing.B) {
			j := &job{sluice: sluice, dir: b.TempDir(), state: stateURL(b, state), warehouse: warehouse, hub: startHub(b, sim), source: sources[0].yaml}
			if report, _, err := j.run(); err != nil || report.Written != rows {
				b.Fatal(err, report)
			}
			cpu, wall, peak := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
			for range rounds {
				for _, s := range sources {
					j.source = s.yaml
					u := j.again(b, rows)
					cpu[s.name], wall[s.name], peak[s.name] = append(cpu[s.name], u.cpu.Seconds()), append(wall[s.name], u.wall.Seconds()), append(peak[s.name], u.peak)
				}
			}
			for _, s := range sources {
				b.Run(s.name, func(b *testing.B) {
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(median(cpu[s.name]), "cpu-s")
					b.ReportMetric(median(wall[s.name]), "wall-s")
					b.ReportMetric(median(peak[s.name]), "peak-MiB")
				})
			}
		})
	}
}

// again runs a job of which no row has changed.
func (j *job) again(b *testing.B, rows int64) usage {
	b.Helper()
	before, err := j.hub.stats()
	if err != nil {
		b.Fatal(err)
	}
	report, u, err := j.run()
	if err != nil || report.Unchanged != rows || report.Requests != 0 {
		b.Fatal(err, report)
	}
	after, err := j.hub.stats()
	if err != nil || after.Writes["contacts create"]+after.Writes["contacts update"] != before.Writes["contacts create"]+before.Writes["contacts update"] {
		b.Fatal("something was written", err, after)
	}
	return u
}
