//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// At does what the environment says for the point, and returns an error where that is to fail what is done there.
func At(name string) error { return points().reach(name) }

// Reach does what the environment says for a point where nothing can be made to fail by an error.
func Reach(name string) { _ = points().reach(name) }

// An arming says what happens at a point: at its n-th time, or each time if n is 0.
type arming struct {
	action string
	n      int
}

// state is what the process has reached, and is to do.
type state struct {
	mu    sync.Mutex
	armed map[string][]arming
	seen  map[string]int
	log   *os.File
}

var points = sync.OnceValue(func() *state {
	s := &state{armed: map[string][]arming{}, seen: map[string]int{}}
	for _, text := range strings.Split(os.Getenv("SLUICE_FAILPOINTS"), ",") {
		if text == "" {
			continue
		}
		name, rest, _ := strings.Cut(text, "=")
		action, times, _ := strings.Cut(rest, "@")
		n, err := strconv.Atoi(times)
		if err != nil && times != "" || !known(name) || !strings.Contains(" kill error hang pause panic ", " "+action+" ") {
			panic(fmt.Sprintf("SLUICE_FAILPOINTS: %q is no point with an action", text))
		}
		s.armed[name] = append(s.armed[name], arming{action, n})
	}
	if path := os.Getenv("SLUICE_FAILPOINT_LOG"); path != "" {
		var err error
		if s.log, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			panic(err)
		}
	}
	return s
})

func known(name string) bool {
	for _, p := range Names {
		if p.Name == name {
			return true
		}
	}
	return false
}

func (s *state) reach(name string) error {
	s.mu.Lock()
	s.seen[name]++
	n := s.seen[name]
	if s.log != nil {
		fmt.Fprintf(s.log, "%s %d\n", name, n)
	}
	action := ""
	for _, a := range s.armed[name] {
		if a.n == 0 || a.n == n {
			action = a.action
		}
	}
	s.mu.Unlock()
	return do(action, name, n)
}

func do(action, name string, n int) error {
	switch action {
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "pause":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "hang":
		select {}
	case "panic":
		panic(fmt.Sprintf("failpoint %s@%d", name, n))
	case "error":
		return fmt.Errorf("failpoint %s@%d", name, n)
	}
	return nil
}
