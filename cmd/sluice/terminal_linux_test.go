package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// openTerminal returns a terminal, and what shows on its screen.
func openTerminal(t *testing.T) (tty, screen *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var unlock, number int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	f, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, master
}

// TestColours proves that plans have colours on a terminal only, and not where somebody doesn't want them.
func TestColours(t *testing.T) {
	tty, _ := openTerminal(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		out  *os.File
		env  map[string]string
		want bool
	}{
		{tty, nil, true},
		{tty, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{tty, map[string]string{"TERM": "dumb"}, false},
		{tty, map[string]string{"NO_COLOR": "1"}, false},
		{file, nil, false},
	} {
		a := &app{stdout: c.out, lookup: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}
		if got := a.colours(); got != c.want {
			t.Errorf("%s, %v: %v", c.out.Name(), c.env, got)
		}
	}
}

// TestLogBesideProgress proves that what is said while progress is drawn begins a line of its own.
func TestLogBesideProgress(t *testing.T) {
	tty, screen := openTerminal(t)
	a := &app{stderr: tty, lookup: func(string) (string, bool) { return "", false }}
	show := a.progress()
	show.last = show.last.Add(-show.every)
	show.observe(pipeline.Report{Name: "people", Read: 7})
	a.log().Warn("something")
	var got string
	for seen := make([]byte, 4096); !strings.Contains(got, "something"); {
		n, err := screen.Read(seen)
		if err != nil {
			t.Fatal(err)
		}
		got += string(seen[:n])
	}
	if !strings.Contains(got, "people: 7 read") || !strings.Contains(got, "\r\x1b[Ktime=") {
		t.Errorf("the screen gets %q", got)
	}
}

// TestTheFirstSignalEndsAQuestion proves that whoever is asked whether things are to be made can leave with Ctrl-C.
func TestTheFirstSignalEndsAQuestion(t *testing.T) {
	tty, _ := openTerminal(t)
	stdin := os.Stdin
	os.Stdin = tty
	defer func() { os.Stdin = stdin }()
	a := &app{stdout: tty, drain: make(chan struct{})}
	close(a.drain)
	if yes, err := a.confirmed(1); yes || !errors.Is(err, pipeline.ErrInterrupted) {
		t.Errorf("the answer is %v, %v", yes, err)
	}
}

// TestPlanInColours proves that the symbols of a plan are coloured, and nothing else of it.
func TestPlanInColours(t *testing.T) {
	oslo := "Oslo"
	plan := &pipeline.Plan{Name: "people", Changes: []pipeline.PlannedChange{
		{Action: pipeline.PlanCreate, Object: "contacts", Key: "1", Fields: []pipeline.FieldChange{{Property: "city", New: "Oslo"}}},
		{Action: pipeline.PlanUpdate, Object: "contacts", Key: "2", Fields: []pipeline.FieldChange{{Property: "city", Old: &oslo, New: "Bergen"}}},
		{Action: pipeline.PlanArchive, Object: "contacts", Key: "3", ID: "33"},
	}, Omitted: 4}
	var plain, coloured bytes.Buffer
	(&planPrinter{w: &plain}).changes(plan)
	(&planPrinter{w: &coloured, colour: true}).changes(plan)
	const want = "people:\n" +
		"\x1b[32m+\x1b[0m contacts 1\n    \x1b[32m+\x1b[0m city: \"Oslo\"\n" +
		"\x1b[33m~\x1b[0m contacts 2\n    \x1b[33m~\x1b[0m city: \"Oslo\" → \"Bergen\"\n" +
		"\x1b[31m-\x1b[0m contacts 3\n" +
		"… and 4 more rows\n\n"
	if diff := cmp.Diff(want, coloured.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	stripped := strings.NewReplacer("\x1b[32m", "", "\x1b[33m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(coloured.String())
	if diff := cmp.Diff(plain.String(), stripped); diff != "" {
		t.Errorf("without colours (-plain +coloured):\n%s", diff)
	}
}
