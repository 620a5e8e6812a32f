package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sources/internal/files"
)

// TestMatch proves the order of files, that each is there once, and what is told of entries that name none.
func TestMatch(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"b.x", "a.x", "c [1].x", "in/a.x", "in-b/a.x", "empty/d.x/none"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("gone.x", "dangling.x"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		entries string // by commas
		want    string // or the error
	}{
		{"b.x", "b.x"},
		{"[a-c]*.x", "a.x,b.x,c [1].x"},
		{"b.x,[ab].x", "b.x,a.x"},
		{"c [1].x", "c [1].x"},
		{"in*/*.x", "in-b/a.x,in/a.x"},
		{"b.x,y.x", `path.1: the file "y.x" doesn't exist`},
		{"empty/*.x", `path: "empty/*.x" matches no file`},
		{"[ab.x", `path: "[ab.x" isn't a pattern: syntax error in pattern`},
		{"d*.x", `path: the file "dangling.x" doesn't exist`},
		{"**/a.x", `path: "**/a.x": ** isn't supported: name each folder, such as a/*.x and a/*/*.x`},
		{"in", `path: "in" is a folder: name its files, such as "in/*.x"`},
	} {
		got, err := files.Match(strings.Split(test.entries, ","), ".x")
		if err != nil {
			got = []string{err.Error()}
		}
		if diff := cmp.Diff(test.want, strings.Join(got, ",")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.entries, diff)
		}
	}
	if _, err := files.Match(nil, ".x"); err == nil || err.Error() != "path: names no file" {
		t.Errorf("no entries: %v", err)
	}
}
