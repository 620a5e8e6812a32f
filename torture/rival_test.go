//go:build linux

package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestSecondRun proves that a run beside a live one writes nothing, exits 4 and says who holds the pipeline since when; and
// that the first one ends well.
func TestSecondRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, setups["postgres"])
	busy, free := make(chan struct{}), make(chan struct{})
	var first sync.Once
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		if writing(r) != "" {
			first.Do(func() { close(busy) })
			select {
			case <-free:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		}
		s.portal.ServeHTTP(w, r)
	})
	project := launch{args: []string{"run", "--json", "firms"}}
	s.project(func(text string) string { return strings.Replace(text, "timeout: 1s", "timeout: 30s", 1) })
	p := s.start(project)
	select {
	case <-busy:
	case <-p.ended:
		t.Fatalf("it never wrote\n%s", s.story())
	}
	writes := len(s.portal.Writes())
	second := s.start(project).wait()
	pid := fmt.Sprintf("process %d", p.cmd.Process.Pid)
	if out := second.output(); second.code != exitHeld || !strings.Contains(out, pid) || !strings.Contains(out, "since ") {
		t.Errorf("the second run: %v; want exit code %d, %q and since when\n%s", &second, exitHeld, pid, out)
	}
	if n := len(s.portal.Writes()); n != writes {
		t.Errorf("the second run has written %d records", n-writes)
	}
	programme.count("second run held")
	close(free)
	if r := p.wait(); !r.well() {
		t.Errorf("the first run: %v\n%s", &r, r.output())
	}
	s.intercept(nil)
	s.project(func(text string) string { return text })
	s.settle()
}

// sleeps are where a process is stopped, of all failpoints, and how often the point is passed before anything is written:
// on both sides of what another process may do in the meantime.
var sleeps = []sleep{
	{point: "send.before", n: 16}, {point: "commit.before", n: 0}, {point: "intend.after", n: 0}, {point: "answer.read", n: 16}, {point: "permit.after", n: 16}, {point: "write.after", n: 0}, {point: "intend.before", n: 0},
	{point: "batch.formed", n: 0}, {point: "commit.after", n: 0}, {point: "checkpoint.after", n: 0}, {point: "compare.after", n: 0}, {point: "source.page", n: 0}, {point: "link.intend.before", n: 0},
	{point: "link.intend.after", n: 0}, {point: "link.write.after", n: 0}, {point: "link.commit.after", n: 0}, {point: "tx.commit.before", n: 8}, {point: "tx.commit.after", n: 8}, {point: "source.end", n: 0},
	{point: "finish.before", n: 0}, {point: "lease.take.after", n: 0},
}

// A sleep is a process that is stopped at a point, when it passes that for the n-th time.
type sleep struct {
	point string
	n     int
	plan  bool // it carries out a plan, and so does the one that takes over
}

// String names the sleep as subtests do.
func (s sleep) String() string {
	return fmt.Sprintf("%s@%d%s", s.point, s.n, map[bool]string{true: "/plan"}[s.plan])
}

// TestSleeper proves that a process which is stopped in the middle, and wakes up when another one has taken over and done
// all, commits nothing more and exits 4. The database drops the session of the one that sleeps, so that the other need not
// wait for the lease's end.
func TestSleeper(t *testing.T) {
	n := sized(5, 40, 500)
	r := rand.New(rand.NewPCG(*seed, 7))
	list := make([]sleep, n)
	for i := range list {
		list[i] = sleeps[i%len(sleeps)]
		list[i].n += 1 + i/len(sleeps)%4 + r.IntN(2)
		list[i].plan = i%3 == 2
	}
	layer(t, "two processes, one stopped (SIGSTOP)", list, 500, func(t *testing.T, at sleep) {
		s := newStage(t, setups["postgres"])
		if at.plan {
			s.makePlan()
		}
		p := s.start(launch{arm: []string{fmt.Sprintf("%s=pause@%d", at.point, at.n)}})
		if !p.stopped() {
			<-p.ended
			programme.count("never came to the point where it was to sleep")
			s.settle()
			return
		}
		if _, err := s.audit.db.Exec("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'sluice'"); err != nil {
			t.Fatal(err)
		}
		if r := s.run(); !r.well() {
			t.Errorf("the one that takes over: %v\n%s", &r, s.story())
		}
		events, err := s.audit.events(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGCONT)
		r := p.wait()
		programme.count("woken after a takeover")
		later, err := s.audit.events(t.Context(), events[len(events)-1].seq)
		if err != nil {
			t.Fatal(err)
		}
		s.fenced(&r, events, later)
		s.settle()
	})
}

// fenced looks at what a process did after it woke up: where its pipeline had been taken over it must have committed
// nothing and say so; a pipeline that it hadn't begun it may run.
func (s *stage) fenced(r *result, before, after []event) {
	s.t.Helper()
	granted := map[string]int64{}
	for _, e := range before {
		if e.kind == "grant" {
			granted[e.pipeline] = e.epoch
		}
	}
	for _, e := range after {
		if e.kind == "grant" {
			granted[e.pipeline] = e.epoch
		}
		if (e.kind == "intend" || e.kind == "commit") && e.epoch < granted[e.pipeline] {
			s.t.Errorf("I7: it has committed (%s, %s) under epoch %d after %d was granted", e.kind, e.pipeline, e.epoch, granted[e.pipeline])
		}
	}
	if r.code == exitHeld {
		programme.count("fenced mid-flight")
	} else if !r.well() {
		s.t.Errorf("the one that slept: %v, want exit code %d\n%s", r, exitHeld, r.output())
	}
}

// stopped waits until the process is stopped; false: it has ended.
func (p *process) stopped() bool {
	const pid, stopped, exited, leave = 1, 2, 4, 0x01000000 // P_PID, WSTOPPED, WEXITED, WNOWAIT of waitid(2)
	var info [128]byte
	const code = 8 // of si_code
	hung := time.AfterFunc(patience, func() { p.signal(syscall.SIGKILL) })
	defer hung.Stop()
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pid, uintptr(p.cmd.Process.Pid), uintptr(unsafe.Pointer(&info)), stopped|exited|leave, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		const cldStopped = 5
		return errno == 0 && *(*int32)(unsafe.Pointer(&info[code])) == cldStopped
	}
}
