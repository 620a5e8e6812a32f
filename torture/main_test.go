// Package torture proves that sluice can be crashed anywhere. It runs the real program, with its failpoints compiled in,
// against a real database and a HubSpot that remembers everything, kills it, and asks an oracle whether the promises of the
// design held: I1 to I12, read from what HubSpot was sent, from the sources, from the state and from all output.
//
// How much is done is a matter of -size: a sample belongs to make test, all of it to a release (make torture).
package torture

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	size    = flag.String("size", "test", "how much is done: test (a sample, for make test), small (minutes) or full (for a release)")
	bound   = flag.Duration("for", 0, "stop starting scenarios of a layer after this long, and say what share of them was done; 0: no bound")
	seed    = flag.Uint64("seed", 1, "of all that is random")
	summary = flag.String("summary", "", "a file for what was done, as Markdown")
	program = flag.String("program", "", "a sluice that was built with -tags failpoint; by default it is built here")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	switch *size {
	case "test", "small", "full":
	default:
		fmt.Fprintf(os.Stderr, "unknown -size %q: expected test, small or full\n", *size)
		return 2
	}
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	buildDir = dir
	// Scenarios wait more than they work: for what may still land.
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0)))
	}
	code := m.Run()
	if missing := programme.void(); code == 0 && len(missing) > 0 && !filtered() {
		fmt.Fprintf(os.Stderr, "all passed, but this proves little, since it never happened: %s\n", strings.Join(missing, "; "))
		code = 1
	}
	if err := programme.write(*summary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// began is when the process did.
var began = time.Now()

// sized returns the number for the -size.
func sized(test, small, full int) int {
	switch *size {
	case "small":
		return small
	case "full":
		return full
	}
	return test
}

var buildDir string

// build builds the program under test, once, and returns its path.
var build = sync.OnceValues(func() (string, error) {
	if *program != "" {
		return filepath.Abs(*program)
	}
	path := filepath.Join(buildDir, "sluice")
	// Without what debuggers read, which takes the linker longer than the rest.
	out, err := exec.Command("go", "build", "-tags", "failpoint", "-ldflags=-s -w", "-o", path, "sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return path, nil
})
