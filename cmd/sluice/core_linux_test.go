package main

import (
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// TestNoCore proves that a crash leaves no memory behind: the program forbids it, though its caller allows it.
func TestNoCore(t *testing.T) {
	c := newCage(t, "sqlite")
	var limits atomic.Value
	c.meddle = func(http.ResponseWriter, *http.Request) bool {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(c.flight().process.Pid) + "/limits")
		limits.Store(string(text))
		return false
	}
	path, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	c.run(nil, "sh", "-c", `ulimit -S -c 100; exec "$0" run`, path)
	text, _ := limits.Load().(string)
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			if fields := strings.Fields(rest); len(fields) < 2 || fields[0] != "0" || fields[1] != "0" {
				t.Errorf("the limit is %q", rest)
			}
			return
		}
	}
	t.Errorf("no limits were seen: %q", text)
}
