//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkNode writes the same rows to the same simulator, without limits: with the program, whose state is in SQLite, and
// with a script on HubSpot's official client (testdata/bench/node). It tells how many rows either writes for a second of CPU
// time (rows/cpu-s), and how many times as many the program does (ratio).
func BenchmarkNode(b *testing.B) {
	const rows = 50_000
	script := nodeScript(b)
	j := &job{sluice: program(b, "sluice"), dir: b.TempDir(), hub: startHub(b, program(b, "hubspotsim"))}
	path := peopleCSV(b, rows)
	j.source = fmt.Sprintf("csv: { path: %q }", path)
	m := measured{}
	for range rounds {
		m.add("node", rows/script(path, j.hub.url, rows).cpu.Seconds())
		j.state = stateURL(b, "sqlite")
		report, u, err := j.run()
		if err != nil || report.Written != rows {
			b.Fatal(err, report)
		}
		m.add("sluice", rows/u.cpu.Seconds())
	}
	for _, name := range []string{"node", "sluice"} {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(m[name]), "rows/cpu-s")
			b.ReportMetric(m.ratio(name, "node"), "ratio")
		})
	}
}

// nodeScript returns what runs the script, with its packages installed. The benchmark is skipped where Node isn't, or where
// its packages can't be had.
func nodeScript(b *testing.B) func(path, url string, rows int) usage {
	b.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		b.Skip("left out: there is no Node on this machine")
	}
	dir := filepath.Join(repository(b), "testdata", "bench", "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		install := exec.Command("npm", "install", "--no-audit", "--no-fund")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			b.Skipf("left out: the script's packages can't be installed: %v\n%s", err, out)
		}
	}
	args := []string{"sync.mjs", ""}
	for _, p := range people {
		args = append(args, p.column+"="+p.property)
	}
	return func(path, url string, rows int) usage {
		args[1] = path
		cmd := exec.Command(node, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HUBSPOT_ACCESS_TOKEN=bench", "HUBSPOT_BASE_URL="+url)
		u, err := spend(cmd)
		if n, _ := strconv.Atoi(strings.TrimSpace(string(u.out))); err != nil || n != rows {
			b.Fatalf("node: %v: wrote %q of %d rows", err, u.out, rows)
		}
		return u
	}
}
