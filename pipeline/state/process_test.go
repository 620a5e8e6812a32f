package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/pipeline"
)

// childVariable makes the test's program run a pipeline until it is killed.
const childVariable = "SLUICE_STATE_TEST_CHILD"

// child starts a run in the state at path, says so, and waits for its end.
func child(path string) int {
	s, err := Open(context.Background(), "sqlite:"+path)
	if err == nil {
		_, err = s.Start(context.Background(), pipeline.Begin{Pipeline: "p", Account: account})
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// Another process's run keeps this one's away, and the end of that process, however it comes, lets it in at once.
func TestSQLiteLockEndsWithItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openStore(t, "sqlite:"+path, times)
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "started\n" {
		t.Fatalf("the child says %q", line)
	}
	for _, name := range []string{"p", "q"} {
		_, err = s.Start(t.Context(), pipeline.Begin{Pipeline: name, Account: account})
		held, ok := errors.AsType[*pipeline.HeldError](err)
		if !ok || !strings.Contains(held.Holder, fmt.Sprintf("process %d", cmd.Process.Pid)) {
			t.Errorf("start of %s beside another process: %v", name, err)
		}
	}
	if status, err := s.Status(t.Context()); err != nil || status[0].Lease == nil {
		t.Errorf("status beside another process: %+v, %v", status, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // reports the kill
	if status, err := s.Status(t.Context()); err != nil || status[0].Lease != nil {
		t.Errorf("status after the other process's end: %+v, %v", status, err)
	}
	if r := begin(t, s, pipeline.Begin{}); r.Epoch != 2 {
		t.Errorf("epoch %d", r.Epoch)
	}
}
