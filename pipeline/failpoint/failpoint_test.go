package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The list names every point of the code, each once, and no other.
func TestTheListIsComplete(t *testing.T) {
	listed := map[string]bool{}
	for _, p := range Names {
		if listed[p.Name] || p.Doc == "" {
			t.Errorf("%s is listed twice, or has no doc", p.Name)
		}
		listed[p.Name] = true
	}
	used := pointsOf(t, filepath.Join("..", ".."))
	for name, places := range used {
		if !listed[name] {
			t.Errorf("%s: failpoint %q isn't listed", strings.Join(places, ", "), name)
		}
	}
	for name := range listed {
		if len(used[name]) == 0 {
			t.Errorf("failpoint %q is listed, but nowhere in the code", name)
		}
	}
}

// pointsOf returns the points that Go files other than tests name, with their places.
func pointsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	used := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); !ok || pkg.Name != "failpoint" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the name of a failpoint must be a literal", files.Position(call.Pos()))
				return true
			}
			name, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Error(err)
			}
			used[name] = append(used[name], files.Position(call.Pos()).String())
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// A program that is built as usual holds nothing of failpoints; one with the tag does, so that the test can fail.
func TestUsualBuildsHaveNoFailpoints(t *testing.T) {
	for _, tags := range []string{"", "failpoint"} {
		binary := filepath.Join(t.TempDir(), "sluice")
		// Without what debuggers read, which takes the linker longer than the rest.
		build := exec.Command("go", "build", "-tags", tags, "-ldflags=-s -w", "-o", binary, "sluice/cmd/sluice")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		if holds := strings.Contains(string(data), "SLUICE_FAILPOINTS"); holds != (tags != "") {
			t.Errorf("built with tags %q, the program reads the environment for failpoints: %v", tags, holds)
		}
	}
}
