//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/pipeline"
)

// The benchmarks of the whole program run it, and the simulator, as processes of their own: what they use is the
// operating system's word. The machine is never quiet, so that what is compared takes turns, and medians count.
const rounds = 3

// program builds a command of this module and returns its path.
func program(b *testing.B, name string, flags ...string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	build := exec.Command("go", append([]string{"build", "-o", path}, append(flags, "./cmd/"+name)...)...)
	build.Dir = repository(b)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// A usage is what a process took.
type usage struct {
	cpu, wall time.Duration
	peak      float64 // most memory that was resident, in MiB
	out       []byte
}

// spend runs a process to its end.
func spend(cmd *exec.Cmd) (u usage, err error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	stop, peak := make(chan struct{}), make(chan int64)
	go watchPeak(cmd.Process.Pid, stop, peak)
	err = cmd.Wait()
	u.wall = time.Since(began)
	close(stop)
	kib := <-peak
	if err != nil {
		return u, fmt.Errorf("%w: %s", err, complaint.String())
	}
	if kib == 0 { // no /proc
		kib = maxRSS(cmd.ProcessState.SysUsage().(*syscall.Rusage))
	}
	u.cpu, u.peak, u.out = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), float64(kib)/1024, out.Bytes()
	return u, nil
}

// watchPeak follows VmHWM of a process, in KiB. The peak that wait tells may be the parent's: it survives exec.
func watchPeak(pid int, stop <-chan struct{}, peak chan<- int64) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	var most int64
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			peak <- most
			return
		case <-tick.C:
		}
		status, _ := os.ReadFile(path)
		if _, rest, found := strings.Cut(string(status), "VmHWM:"); found {
			line, _, _ := strings.Cut(rest, "kB")
			kib, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
			most = max(most, kib)
		}
	}
}

func maxRSS(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) / 1024
	}
	return int64(u.Maxrss)
}

// A hub is a simulator in a process of its own.
type hub struct {
	url string
	cmd *exec.Cmd
}

// A hubStats is what the simulator counts.
type hubStats struct {
	Requests, Limited int64
	Writes            map[string]int64
}

// startHub starts a simulator that has the properties of people; it ends with the benchmark.
func startHub(b *testing.B, path string, flags ...string) *hub {
	b.Helper()
	h := openHub(b, path, flags...)
	for _, p := range people {
		if !strings.HasPrefix(p.property, "bench_") {
			continue
		}
		body := map[string]any{"name": p.property, "label": p.property, "groupName": "contactinformation", "type": p.hubType, "fieldType": p.fieldType(), "hasUniqueValue": p.column == "id"}
		if err := h.call("POST", "/crm/v3/properties/contacts", body, nil); err != nil {
			b.Fatal(err)
		}
	}
	return h
}

// openHub starts a simulator as it is.
func openHub(b *testing.B, path string, flags ...string) *hub {
	b.Helper()
	h := &hub{cmd: exec.Command(path, flags...)}
	said, err := h.cmd.StdoutPipe()
	if err == nil {
		err = h.cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait() // killed, or ended before
	})
	if _, err := fmt.Fscanf(bufio.NewReader(said), "listening on %s\n", &h.url); err != nil {
		b.Fatal("hubspotsim:", err)
	}
	return h
}

// stop ends the simulator in peace: it writes down what it holds, if it was told where.
func (h *hub) stop(b *testing.B) {
	b.Helper()
	if err := errors.Join(h.cmd.Process.Signal(os.Interrupt), h.cmd.Wait()); err != nil {
		b.Fatal("hubspotsim:", err)
	}
}

// call sends a request and decodes the answer into out, unless that is nil.
func (h *hub) call(method, path string, in, out any) error {
	return ask(h.url, "setup", method, path, in, out) // the token has a budget of its own
}

func (h *hub) stats() (now hubStats, err error) {
	err = h.call("GET", "/_admin/stats", nil, &now)
	return now, err
}

// A job is a pipeline of people: where they are, and where its state is.
type job struct {
	sluice, dir string
	hub         *hub
	state       string
	source      string // as pipelines.yaml spells it
	warehouse   string // DSN of the connection of that name
	mirror      bool   // what leaves the source is archived
}

// write writes the job's pipelines.yaml and returns its path.
func (j *job) write() (string, error) {
	file, err := os.CreateTemp(j.dir, "*.yaml")
	if err == nil {
		_, err = file.WriteString(j.yaml())
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return "", err
	}
	return file.Name(), nil
}

// command returns the program, about to do something with the job's pipeline. What it remembers outside of the state is the
// job's own.
func (j *job) command(args ...string) (*exec.Cmd, error) {
	file, err := j.write()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(j.sluice, append(args, "-f", file)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+j.dir)
	return cmd, nil
}

// run runs the job's pipeline once.
func (j *job) run() (pipeline.Report, usage, error) {
	cmd, err := j.command("run", "--json")
	if err != nil {
		return pipeline.Report{}, usage{}, err
	}
	u, err := spend(cmd)
	if err != nil {
		return pipeline.Report{}, u, err
	}
	var doc struct{ Pipelines []pipeline.Report }
	if err := json.Unmarshal(u.out, &doc); err != nil || len(doc.Pipelines) != 1 {
		return pipeline.Report{}, u, fmt.Errorf("%w: %s", err, u.out)
	}
	return doc.Pipelines[0], u, nil
}

func (j *job) yaml() string {
	mode := "upsert"
	if j.mirror {
		mode = "mirror"
	}
	var mapped []string
	for _, p := range people {
		mapped = append(mapped, p.property+": "+p.column)
	}
	return fmt.Sprintf(`version: 1
state: %q
connections:
  warehouse: { postgres: { url: %q } }
  crm: { hubspot: { access_token: bench, base_url: %q } }
pipelines:
  people:
    source: { %s }
    key: id
    transforms: [ map: { %s } ]
    sink: { hubspot: { connection: crm, object: contacts, mode: %s, match: bench_id } }
`, j.state, j.warehouse, j.hub.url, j.source, strings.Join(mapped, ", "), mode)
}

// median returns the middle one of what the rounds measured.
func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
