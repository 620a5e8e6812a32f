// Package mutation seeds known bugs into the program, so that the tests that are to find them can be tested themselves.
//
// A mutation is a file: which text of which file is replaced by which, why that is wrong, and which test must notice. It is
// applied by the overlay of the go command, so that the program itself holds no trace of it. One whose text is no longer
// in its file, exactly once, is an error: a mutation can't rot unnoticed.
package mutation

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// A Mutation is one seeded bug.
type Mutation struct {
	Name    string // of its file, without the extension
	Why     string // what is wrong with it, in one line
	File    string // that it changes, from the root of the module
	Package string // whose tests must notice, as the go command takes it
	Run     string // pattern of these tests
	old     string
	new     string
}

// Read returns the mutations of a folder, by name.
func Read(dir string) ([]Mutation, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var list []Mutation
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := Parse(strings.TrimSuffix(filepath.Base(path), ".txtar"), data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// Parse reads a mutation: lines "why: …", "file: …", "package: …" and "run: …", and then the sections old and new.
func Parse(name string, data []byte) (Mutation, error) {
	m := Mutation{Name: name}
	fields := map[string]*string{"why": &m.Why, "file": &m.File, "package": &m.Package, "run": &m.Run}
	archive := txtar.Parse(data)
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		field, ok := fields[key]
		if !ok || *field != "" || value == "" {
			return m, fmt.Errorf("line %q: expected one each of why, file, package and run", strings.TrimSpace(line))
		}
		*field = value
	}
	for key, field := range fields {
		if *field == "" {
			return m, fmt.Errorf("%s is missing", key)
		}
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "old" || archive.Files[1].Name != "new" {
		return m, errors.New("expected the sections old and new")
	}
	m.old, m.new = string(archive.Files[0].Data), string(archive.Files[1].Data)
	if m.old == "" || m.old == m.new {
		return m, errors.New("it changes nothing")
	}
	return m, nil
}

// Apply returns the mutated text of the mutation's file, which is text as it is.
func (m *Mutation) Apply(text string) (string, error) {
	if n := strings.Count(text, m.old); n != 1 {
		return "", fmt.Errorf("mutation %s: its old text is %d times in %s, want once:\n%s", m.Name, n, m.File, m.old)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}

// Overlay writes mutated files into dir, and returns the path of the file that -overlay takes. root is that of the
// module. Mutations of the same file are applied one after the other.
func Overlay(root, dir string, list ...Mutation) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i := range list {
		original := filepath.Join(root, filepath.FromSlash(list[i].File))
		from := original
		if done, again := replace[original]; again {
			from = done
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		mutated, err := list[i].Apply(string(text))
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, strings.ReplaceAll(list[i].File, "/", "_"))
		if err := os.WriteFile(to, []byte(mutated), 0o600); err != nil {
			return "", err
		}
		replace[original] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}
