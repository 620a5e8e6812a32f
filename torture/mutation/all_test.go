//go:build torture

package mutation

import (
	"os"
	"os/exec"
	"testing"
)

// All bugs are found, by tests that pass without them.
func TestAllMutations(t *testing.T) {
	passed := map[string]bool{}
	for _, m := range read(t) {
		t.Run(m.Name, func(t *testing.T) {
			if tests := m.Package + " " + m.Run; !passed[tests] {
				passed[tests] = true
				cmd := exec.Command("go", "test", "-run", m.Run, m.Package)
				cmd.Dir, cmd.Env = root, append(os.Environ(), "GOFLAGS=")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("its tests fail without it:\n%s", out)
				}
			}
			caught(t, m)
		})
	}
}
