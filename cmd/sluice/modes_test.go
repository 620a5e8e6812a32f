package main

import (
	"io/fs"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFilesArePrivate proves that all files of the state and of the sandbox are their owner's only, whatever the umask, while
// a run is going on and after it, and that no other file is made.
func TestFilesArePrivate(t *testing.T) {
	for _, umask := range []string{"000", "022", "077"} {
		for _, args := range [][]string{{"run", "-v"}, {"run", "--sandbox"}} {
			t.Run(umask+" "+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				c := newCage(t, "sqlite")
				var during atomic.Int64
				c.meddle = func(_ http.ResponseWriter, r *http.Request) bool {
					if writes(r) {
						during.Store(int64(c.modes()))
					}
					return false
				}
				path, err := exec.LookPath("sluice")
				if err != nil {
					t.Fatal(err)
				}
				output, code := c.run(nil, "sh", append([]string{"-c", "umask " + umask + ` && exec "$0" "$@"`, path}, args...)...)
				if code != exitRejects {
					t.Errorf("exit code %d:\n%s", code, output)
				}
				if n := c.modes(); n < 2 || len(args) < 3 && args[1] == "-v" && during.Load() < 4 {
					t.Errorf("%d files during the run and %d after it; want the database, its log and index, and the lock", during.Load(), n)
				}
			})
		}
	}
}

// modes checks the modes of what the program has made, and returns how many files that are.
func (c *cage) modes() (files int) {
	c.Helper()
	ours := map[string]bool{"pipelines.yaml": true, "people.csv": true}
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == c.dir || ours[entry.Name()] {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return nil // it is gone by now
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			c.Errorf("%s has the mode %v, want %v", path, info.Mode().Perm(), want)
		}
		rel, _ := filepath.Rel(c.dir, path)
		if root := strings.Split(rel, string(filepath.Separator))[0]; root != ".sluice" && root != "home" {
			c.Errorf("%s was made", path)
		}
		return nil
	})
	if err != nil {
		c.Error(err)
	}
	return files
}
