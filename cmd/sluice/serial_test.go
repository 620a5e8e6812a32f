package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Concurrency lives in the engine and in the sink. So make test looks for no races in the tests of these (SERIAL in the
// Makefile), beside those of whole runs.
func TestSourcesAndTransformsStartNoGoroutine(t *testing.T) {
	found := 0
	for _, dir := range []string{"sources", "transforms", "pipeline/config"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			found++
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, i := range file.Imports {
				if strings.Contains(i.Path.Value, "sourcegraph/conc") {
					t.Errorf("%s: goroutines are for the engine and the sink", files.Position(i.Pos()))
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if g, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s: goroutines are for the engine and the sink", files.Position(g.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 50 {
		t.Errorf("only %d files were looked at", found)
	}
}
