//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// BenchmarkChanged reads many rows, of which one in a hundred has changed, one in two hundred is new, and as many have
// gone. Without limits it tells how many times the requests are as many as full ones would be (requests-ratio), and how
// many times the wall time, less the CPU time of the simulator, is that of a run that finds nothing changed (wall-ratio).
// With HubSpot's limits it tells the share of them that is used in whole windows of 10 seconds (budget-%), what was refused
// (429s), and how many times the wall time is what may be: 1.15 × changes / (0.98 × 1,900 a second) + 10 s (wall-ratio).
// After kill -9 in the midst of it, it tells how long the program takes to the next request that writes (first-s).
func BenchmarkChanged(b *testing.B) {
	c := newChanged(b)
	b.Run("unlimited", c.unlimited)
	for _, latency := range []string{"150ms", "500ms"} {
		b.Run("limited/"+latency, func(b *testing.B) { c.limited(b, latency) })
	}
	b.Run("killed", c.killed)
}

// A changed is a state that knows one crowd, the portal that holds those of them that will be written to again, and the
// file of what became of the crowd.
type changed struct {
	*scale
	state, portal string
	before, after string // sources
	crowd         crowd
	changes       int64
	scan          time.Duration // of the file before, in which nothing has changed
}

func newChanged(b *testing.B) *changed {
	rows := *scaleRows
	c := &changed{scale: newScale(b), portal: filepath.Join(b.TempDir(), "portal.json"), state: stateURL(b, "postgres"), crowd: crowd{first: rows, later: true}}
	c.before = fmt.Sprintf("parquet: { path: %q }", peopleParquet(b, crowd{first: rows}))
	c.after = fmt.Sprintf("parquet: { path: %q }", peopleParquet(b, c.crowd))
	c.changes = rows/100 + rows/200 + rows/200
	j := c.job(b, c.state, startHub(b, c.sim, "-state", c.portal))
	j.source = c.before
	j.fill(b, rows, func(key string) bool {
		i, _ := strconv.ParseInt(key, 10, 64)
		return c.crowd.changed(i) || c.crowd.gone(i)
	})
	longExec(b, c.state, "vacuum analyze") // as autovacuum has done it by the day after
	j.hub.stop(b)
	j.hub = c.open(b)
	var walls []float64
	for range rounds {
		walls = append(walls, j.again(b, rows).wall.Seconds())
	}
	c.scan = time.Duration(median(walls) * float64(time.Second))
	return c
}

func (c *changed) job(b *testing.B, state string, hub *hub) *job {
	return &job{sluice: c.sluice, dir: b.TempDir(), state: state, source: c.after, hub: hub, mirror: true}
}

// open starts a simulator with a copy of the portal.
func (c *changed) open(b *testing.B, flags ...string) *hub {
	b.Helper()
	data, err := os.ReadFile(c.portal)
	path := filepath.Join(b.TempDir(), "portal.json")
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	return openHub(b, c.sim, append(flags, "-state", path)...)
}

// run writes the changes to a copy of the portal, with a copy of the state.
func (c *changed) run(b *testing.B, hub *hub) (requests int64, u usage) {
	b.Helper()
	report, u, err := c.job(b, copyDatabase(b, c.state), hub).run()
	if err != nil || report.Written+report.Archived != c.changes {
		b.Fatal(err, report, c.changes)
	}
	return report.Requests, u
}

func (c *changed) unlimited(b *testing.B) {
	hub := c.open(b)
	before, err := cpuOf(hub.cmd.Process.Pid)
	requests, u := c.run(b, hub)
	after, aerr := cpuOf(hub.cmd.Process.Pid)
	if err = errors.Join(err, aerr); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(requests)/float64((c.changes+99)/100), "requests-ratio")
	b.ReportMetric((u.wall-(after-before)).Seconds()/c.scan.Seconds(), "wall-ratio")
	b.ReportMetric(c.scan.Seconds(), "scan-s")
	b.ReportMetric(u.wall.Seconds(), "wall-s")
	b.ReportMetric(u.peak, "peak-MiB")
}

func (c *changed) limited(b *testing.B, latency string) {
	hub := c.open(b, "-limits", "-latency", latency)
	stop := watchBudget(hub)
	_, u := c.run(b, hub)
	share, refused, err := stop()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(share, "budget-%")
	b.ReportMetric(float64(refused), "429s")
	b.ReportMetric(u.wall.Seconds(), "wall-s")
	b.ReportMetric(u.wall.Seconds()/(1.15*float64(c.changes)/(0.98*1900)+10), "wall-ratio")
}

// A moment is how many requests a simulator had accepted by then.
type moment struct {
	at       time.Time
	accepted int64
}

// watchBudget follows what a simulator accepts. Its result is the share, in percent, of 190 requests in each of the whole
// windows of 10 seconds that begin with the first request, and how many were refused; no share where there is no window.
func watchBudget(h *hub) (stop func() (share float64, refused int64, err error)) {
	ended, result := make(chan struct{}), make(chan error)
	var moments []moment
	var refused int64
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		first, err := h.stats()
		for now := first; err == nil; now, err = h.stats() {
			refused = now.Limited - first.Limited
			moments = append(moments, moment{time.Now(), now.Requests - first.Requests - refused})
			select {
			case <-ended:
				result <- nil
				return
			case <-tick.C:
			}
		}
		<-ended
		result <- err
	}()
	return func() (float64, int64, error) {
		close(ended)
		err := <-result
		return shareOf(moments), refused, err
	}
}

func shareOf(moments []moment) float64 {
	const window, most = 10 * time.Second, 190
	began := acceptedBefore(moments, 1)
	ended := acceptedBefore(moments, moments[len(moments)-1].accepted)
	windows := ended.at.Sub(began.at) / window
	if windows == 0 {
		return 0
	}
	end := began.at.Add(windows * window)
	at := slices.IndexFunc(moments, func(m moment) bool { return m.at.After(end) })
	return 100 * float64(moments[at-1].accepted) / float64(windows*most)
}

// acceptedBefore returns the last moment at which fewer than n had been accepted.
func acceptedBefore(moments []moment, n int64) moment {
	at := slices.IndexFunc(moments, func(m moment) bool { return m.accepted >= n })
	return moments[max(0, at-1)]
}

func (c *changed) killed(b *testing.B) {
	hub := c.open(b)
	j := c.job(b, copyDatabase(b, c.state), hub)
	start := func() func() {
		cmd, err := j.command("run", "--json")
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			b.Fatal(err)
		}
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	written := func() (n int64) {
		stats, err := hub.stats()
		if err != nil {
			b.Fatal(err)
		}
		for _, writes := range stats.Writes {
			n += writes
		}
		return n
	}
	await := func(n int64) {
		for limit := time.Now().Add(10 * time.Minute); written() < n; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(limit) {
				b.Fatalf("%d writes, want %d", written(), n)
			}
		}
	}
	kill := start()
	await(written() + c.changes/4)
	kill()
	before, began := written(), time.Now()
	kill = start()
	defer kill()
	await(before + 1)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(time.Since(began).Seconds(), "first-s")
}
