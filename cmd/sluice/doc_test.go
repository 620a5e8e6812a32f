package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every package says once what it is, and every exported name says what it means.
func TestEverythingExportedIsDocumented(t *testing.T) {
	for dir, files := range sourceFiles(t) {
		var comments []string
		for name, file := range files {
			if file.Doc != nil {
				comments = append(comments, filepath.Base(name))
			}
			for _, missing := range undocumented(file) {
				t.Errorf("%s: exported %s has no doc comment", name, missing)
			}
		}
		slices.Sort(comments)
		if len(comments) != 1 {
			t.Errorf("%s has %d package comments %q, want one", dir, len(comments), comments)
		}
	}
}

func TestUndocumentedIsFound(t *testing.T) {
	const source = `package p
type A struct{}
func (A) M() {}
func (a *A) N() {}
func (a a) O() {}
func F() {}
func f() {}
var V, v = 1, 2
// D is documented.
const D = 1
// A group may be documented as a whole.
const (
	E = 1
	G = 2
)
type (
	T int
	// U is documented.
	U int
)
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"type A", "method A.M", "method A.N", "func F", "name V", "type T"}
	if got := undocumented(file); !slices.Equal(got, want) {
		t.Errorf("undocumented: got %q, want %q", got, want)
	}
}

// sourceFiles parses the module's source files, tests apart, by folder and path.
func sourceFiles(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	root := filepath.Join("..", "..")
	files := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		if dir := filepath.Dir(path); files[dir] == nil {
			files[dir] = map[string]*ast.File{}
		}
		files[filepath.Dir(path)][path] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no source files: nothing would be proved")
	}
	return files
}

// undocumented returns the exported names of a file that have no doc comment. Methods of types that aren't exported
// need none; the names of a group may share the group's.
func undocumented(file *ast.File) (missing []string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			receiver := receiverOf(d)
			switch {
			case d.Doc != nil || !d.Name.IsExported():
			case receiver == "":
				missing = append(missing, "func "+d.Name.Name)
			case ast.IsExported(receiver):
				missing = append(missing, "method "+receiver+"."+d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				missing = append(missing, undocumentedNames(spec, d.Doc)...)
			}
		}
	}
	return missing
}

func undocumentedNames(spec ast.Spec, group *ast.CommentGroup) (missing []string) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && group == nil && s.Name.IsExported() {
			missing = append(missing, "type "+s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if s.Doc == nil && s.Comment == nil && group == nil && name.IsExported() {
				missing = append(missing, "name "+name.Name)
			}
		}
	}
	return missing
}

// receiverOf returns the name of a method's type; "" for a function.
func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
