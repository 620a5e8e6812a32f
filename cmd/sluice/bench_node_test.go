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

// BenchmarkNode brings the same rows to the same simulator, without limits: with the program, whose state is in SQLite, and
// with a script on HubSpot's official client (testdata/bench/node). On the first day all rows are new. On the second one in a
// hundred has changed, one in two hundred is new, and as many have gone: the script, which remembers nothing, sends all once
// more. It tells for how many rows of the file a second of CPU time lasts (rows/cpu-s), and how many times as many they are
// with the program (ratio).
func BenchmarkNode(b *testing.B) {
	script := nodeScript(b)
	j := &job{sluice: program(b, "sluice"), dir: b.TempDir(), hub: startHub(b, program(b, "hubspotsim"))}
	first := crowd{first: 50_000}
	days := []nodeDay{{"first day", first}, {"second day", crowd{first: first.first, later: true}}}
	paths := []string{peopleCSV(b, days[0].crowd), peopleCSV(b, days[1].crowd)}
	m := measured{}
	for range rounds {
		j.state = stateURL(b, "sqlite")
		for i, day := range days {
			rows := day.rows()
			m.add(day.name+"/node", float64(rows)/script(paths[i], j.hub.url, rows).cpu.Seconds())
			j.source = fmt.Sprintf("csv: { path: %q }", paths[i])
			report, u, err := j.run()
			if err != nil || report.Read != int64(rows) || report.Read != report.Written+report.Unchanged {
				b.Fatal(err, report)
			}
			m.add(day.name+"/sluice", float64(rows)/u.cpu.Seconds())
		}
	}
	for _, day := range days {
		for _, name := range []string{"node", "sluice"} {
			b.Run(day.name+"/"+name, func(b *testing.B) {
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(m[day.name+"/"+name]), "rows/cpu-s")
				b.ReportMetric(m.ratio(day.name+"/"+name, day.name+"/node"), "ratio")
			})
		}
	}
}

// A nodeDay is a crowd as it is on a day.
type nodeDay struct {
	name string
	crowd
}

// rows returns the number of people.
func (d nodeDay) rows() (n int) {
	for range d.people() {
		n++
	}
	return n
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
