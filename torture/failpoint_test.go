package torture

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// failpointEnv returns the environment that arms a launch's failpoints; see package failpoint.
func failpointEnv(l launch) []string {
	env := []string{"SLUICE_FAILPOINTS=" + strings.Join(l.arm, ",")}
	if l.log != "" {
		env = append(env, "SLUICE_FAILPOINT_LOG="+l.log)
	}
	return env
}

// killAt returns what kills a process when it passes a failpoint for the n-th time.
func killAt(point string, n int) string { return fmt.Sprintf("%s=kill@%d", point, n) }

// passedPoints reads how often a process has passed each failpoint.
func passedPoints(t testing.TB, log string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatalf("the program says nothing of its failpoints: was it built with -tags failpoint? %v", err)
	}
	passed := map[string]int{}
	for line := range strings.Lines(string(data)) {
		point, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		passed[point]++
	}
	return passed
}
