package main

import (
	"go/ast"
	"path/filepath"
	"testing"
)

// Concurrency lives in the engine and in the sink. So make test looks for no races in the tests of these (UNRACED in the
// Makefile), beside those of whole runs.
func TestSourcesAndTransformsStartNoGoroutine(t *testing.T) {
	found := 0
	for dir, files := range sourceFiles(t) {
		pkg := filepath.ToSlash(dir)
		if !within(pkg, "../../sources/") && !within(pkg, "../../transforms/") && !within(pkg, "../../pipeline/config/") {
			continue
		}
		found += len(files)
		for path, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s: goroutines are for the engine and the sink", path)
				}
				return true
			})
		}
	}
	if found < 50 {
		t.Errorf("only %d files were looked at", found)
	}
}
