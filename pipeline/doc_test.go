package pipeline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheMapNamesEveryFile holds the package's doc to its files: each is on a line of the map, once.
func TestTheMapNamesEveryFile(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, files, _ := strings.Cut(string(doc), "# Files")
	var named []string
	for line := range strings.Lines(files) {
		if line, ok := strings.CutPrefix(line, "//\t"); ok {
			names, _, _ := strings.Cut(line, "  ")
			named = append(named, strings.Fields(names)...)
		}
	}
	there, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	there = slices.DeleteFunc(there, func(name string) bool { return name == "doc.go" || strings.HasSuffix(name, "_test.go") })
	for i := range there {
		there[i] = strings.TrimSuffix(there[i], ".go")
	}
	slices.Sort(named)
	if !slices.Equal(there, named) {
		t.Errorf("the map has the files\n%s\nbut there are\n%s", strings.Join(named, " "), strings.Join(there, " "))
	}
}
