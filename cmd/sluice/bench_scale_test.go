//go:build unix

package main

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

var scaleRows = flag.Int64("rows", 1_000_000, "rows of the Parquet files of BenchmarkScale and BenchmarkChanged; the CSV file and the table have half as many")

// A scale holds the programs that BenchmarkScale compares.
type scale struct{ sluice, sim, bare string }

func newScale(b *testing.B) *scale {
	b.Helper()
	bare := filepath.Join(b.TempDir(), "bare")
	build := exec.Command("go", "build", "-C", filepath.Join(repository(b), "testdata", "bench", "bare"), "-o", bare, ".")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return &scale{sluice: program(b, "sluice"), sim: program(b, "hubspotsim"), bare: bare}
}

// BenchmarkScale reads many rows of which none has changed, with the ledger in Postgres, beside the barest loop over the
// same rows in a process of its own (see testdata/bench/bare): no request is made. It tells how many times the CPU time of
// that loop is taken (ratio), and the most memory (peak-MiB).
func BenchmarkScale(b *testing.B) {
	needServer(b)
	s := newScale(b)
	b.Run("parquet", s.parquet)
	b.Run("csv", s.csv)
	b.Run("postgres", s.postgres)
}

// job returns a job whose state knows all rows of its source.
func (s *scale) job(b *testing.B, source string, rows int64) *job {
	b.Helper()
	j := &job{sluice: s.sluice, dir: b.TempDir(), state: stateURL(b, "postgres"), source: source, hub: startHub(b, s.sim)}
	j.fill(b, rows, nil)
	return j
}

// measured are what the rounds have measured, by name.
type measured map[string][]float64

func (m measured) add(name string, value float64) { m[name] = append(m[name], value) }

// ratio returns how many times the median of one is that of the other.
func (m measured) ratio(a, b string) float64 { return median(m[a]) / median(m[b]) }

// unbound runs the bare loop, which must find that many rows.
func (s *scale) unbound(b *testing.B, rows int64, args ...string) usage {
	b.Helper()
	u, err := spend(exec.Command(s.bare, args...))
	var n int64
	if _, scanned := fmt.Sscan(string(u.out), &n); err != nil || scanned != nil || n != rows {
		b.Fatalf("bare: %v: %q, want %d rows", err, u.out, rows)
	}
	return u
}

// parquet reads a file, and one with a tenth of the rows: a row of the large one takes growth times the CPU time of a row
// of the small one.
func (s *scale) parquet(b *testing.B) {
	large, small := *scaleRows, *scaleRows/10
	path := peopleParquet(b, crowd{first: large})
	j := s.job(b, fmt.Sprintf("parquet: { path: %q }", path), large)
	tenth := s.job(b, fmt.Sprintf("parquet: { path: %q }", peopleParquet(b, crowd{first: small})), small)
	m := measured{}
	for range rounds {
		m.of("ours", j.again(b, large), large)
		m.of("bare", s.unbound(b, large, "parquet", path), large)
		m.of("tenth", tenth.again(b, small), small)
	}
	m.report(b)
	b.ReportMetric(m.ratio("ours", "tenth"), "growth")
}

func (s *scale) csv(b *testing.B) {
	rows := *scaleRows / 2
	path := peopleCSV(b, crowd{first: rows})
	j := s.job(b, fmt.Sprintf("csv: { path: %q }", path), rows)
	m := measured{}
	for range rounds {
		m.of("ours", j.again(b, rows), rows)
		m.of("bare", s.unbound(b, rows, "csv", path), rows)
	}
	m.report(b)
}

// postgres reads a table. Beside the process' own CPU time it tells how many times that of one plain SELECT the server
// takes for the table (server-ratio), and how old a transaction on its database became, at most (oldest-ms).
func (s *scale) postgres(b *testing.B) {
	rows := *scaleRows / 2
	dsn := peopleTable(b, rows)
	j := &job{sluice: s.sluice, dir: b.TempDir(), state: stateURL(b, "postgres"), warehouse: dsn, source: "postgres: { connection: warehouse, table: people }", hub: startHub(b, s.sim)}
	j.fill(b, rows, nil)
	m := measured{}
	for range rounds {
		stop := watchServer(b, dsn)
		m.of("ours", j.again(b, rows), rows)
		server := stop()
		m.add("server", server.cpu.Seconds())
		m.add("oldest-ms", float64(server.oldest.Microseconds())/1000)
		stop = watchServer(b, dsn)
		m.of("bare", s.unbound(b, rows, "postgres", dsn, "people"), rows)
		m.add("plain", stop().cpu.Seconds())
	}
	m.report(b)
	b.ReportMetric(m.ratio("server", "plain"), "server-ratio")
	b.ReportMetric(median(m["oldest-ms"]), "oldest-ms")
}

// of adds what a run took.
func (m measured) of(name string, u usage, rows int64) {
	m.add(name, float64(u.cpu.Nanoseconds())/float64(rows))
	m.add(name+" wall", u.wall.Seconds())
	m.add(name+" peak", u.peak)
}

// report reports what a run took, and the bare loop beside it.
func (m measured) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(m.ratio("ours", "bare"), "ratio")
	b.ReportMetric(median(m["ours"]), "cpu-ns/row")
	b.ReportMetric(median(m["bare"]), "bare-cpu-ns/row")
	b.ReportMetric(median(m["ours wall"]), "wall-s")
	b.ReportMetric(median(m["ours peak"]), "peak-MiB")
}
