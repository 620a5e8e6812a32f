package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Exit codes of sluice; see DESIGN 2.1.
const (
	exitDone        = 0
	exitRejects     = 3
	exitHeld        = 4
	exitInterrupted = 130
	exitKilled      = -1 // by a signal
)

// wholeRun runs all pipelines.
var wholeRun = []string{"run", "--json"}

// patience is how long a process may take before it counts as hung.
const patience = 3 * time.Minute

// A launch says how a process is started.
type launch struct {
	args []string // the stage's, if nil
	env  []string // beside those of the stage, and winning over them
	arm  []string // failpoints, as failpoint.Variable takes them
	log  string   // a file for the failpoints that are passed, if not ""
}

// A process is one sluice, running or not.
type process struct {
	stage  *stage
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
	began  time.Time
	ended  chan struct{} // closed when it has ended
	result result        // then
}

// A result is how a process has ended.
type result struct {
	launch
	code    int
	stdout  string
	stderr  string
	took    time.Duration
	reports []report
}

// A report is what run --json says of one pipeline.
type report struct {
	Name, Status                                                   string
	Read, Written, Unchanged, Filtered, Superseded, Rejected, Held int64
	Linked, Unlinked, Parked, Archived, Requests                   int64
	Seconds                                                        float64
}

// start starts a process.
func (s *stage) start(l launch) *process {
	s.t.Helper()
	path, err := build()
	if err != nil {
		s.t.Fatal(err)
	}
	if l.args == nil {
		l.args = s.args
	}
	p := &process{stage: s, cmd: exec.Command(path, l.args...), ended: make(chan struct{}), result: result{launch: l}}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.dir, &p.stdout, &p.stderr
	p.cmd.Env = append([]string{"HUBSPOT_ACCESS_TOKEN=" + token, "HUBSPOT_BASE_URL=" + s.url, "SLUICE_STATE_URL=" + s.stateURL,
		"WAREHOUSE_URL=" + s.warehouse, "PATH=" + os.Getenv("PATH"), "GOTRACEBACK=all"}, failpointEnv(l)...)
	p.cmd.Env = append(p.cmd.Env, l.env...)
	p.cmd.WaitDelay = 10 * time.Second
	p.began = time.Now()
	s.mu.Lock() // so that nobody asks for the process that is running before it is known
	s.last = p
	err = p.cmd.Start()
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	go p.watch()
	return p
}

// running returns the process that was started last.
func (s *stage) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// watch waits for the end, and asks a process that hangs for its goroutines.
func (p *process) watch() {
	hung := time.AfterFunc(patience, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	err := p.cmd.Wait()
	hung.Stop()
	r := &p.result
	r.took, r.stdout, r.stderr = time.Since(p.began), p.stdout.String(), p.stderr.String()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		r.code = exit.ExitCode()
	} else if err != nil {
		r.code = exitKilled
		r.stderr += err.Error()
	}
	var doc struct{ Pipelines []report }
	if json.Unmarshal([]byte(r.stdout), &doc) == nil {
		r.reports = doc.Pipelines
	}
	p.stage.mu.Lock()
	p.stage.runs = append(p.stage.runs, *r)
	p.stage.mu.Unlock()
	close(p.ended)
}

// signal sends a signal; a process that has ended doesn't mind.
func (p *process) signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// wait waits for the end and returns it.
func (p *process) wait() result {
	<-p.ended
	return p.result
}

// run runs all pipelines once, with failpoints armed, and returns how that ended.
func (s *stage) run(arm ...string) result {
	s.t.Helper()
	return s.start(launch{arm: arm}).wait()
}

// well tells whether all was done.
func (r *result) well() bool { return r.code == exitDone || r.code == exitRejects }

// output returns all that the process has said.
func (r *result) output() string { return r.stdout + r.stderr }

// String names the process and its end.
func (r *result) String() string {
	return fmt.Sprintf("sluice %q %q: exit code %d after %v", r.args, r.arm, r.code, r.took.Round(time.Millisecond))
}
