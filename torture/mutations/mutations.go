// Package mutations breaks the program on purpose, to prove that its tests would notice. A bug is a small file that says
// what is replaced where, and which tests must fail then; it is applied with the go command's -overlay, so that the
// program's own code holds nothing of it.
package mutations

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A Mutation is a bug.
type Mutation struct {
	Name  string
	Why   string // what is wrong about it
	Edits []Edit
	Catch []Catch // each of them must notice it
}

// An Edit replaces a text that is in a file exactly once.
type Edit struct {
	File     string // below the module's root
	Old, New string
}

// A Catch is tests that must fail.
type Catch struct {
	Package string   // below the module's root
	Run     string   // as of go test -run
	Args    []string // more flags of the test
}

// Load reads all mutations of a folder, by name. A file is made of lines:
//
//	# why, over any number of lines
//	caught by PACKAGE RUN [FLAG…]
//	in FILE
//	<<<<
//	the old text
//	====
//	the new one
//	>>>>
func Load(dir fs.FS) ([]*Mutation, error) {
	names, err := fs.Glob(dir, "*.bug")
	if err != nil {
		return nil, err
	}
	var list []*Mutation
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		m, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m.Name = strings.TrimSuffix(path.Base(name), ".bug")
		list = append(list, m)
	}
	return list, nil
}

func parse(text string) (*Mutation, error) {
	m := &Mutation{}
	file := ""
	for line, rest := next(text); line != "" || rest != ""; line, rest = next(rest) {
		word, value, _ := strings.Cut(line, " ")
		switch word {
		case "#":
			m.Why = strings.TrimSpace(m.Why + " " + value)
		case "caught":
			fields := strings.Fields(strings.TrimPrefix(value, "by "))
			if len(fields) < 2 {
				return nil, fmt.Errorf("%q: expected a package and a pattern", line)
			}
			m.Catch = append(m.Catch, Catch{Package: fields[0], Run: fields[1], Args: fields[2:]})
		case "in":
			file = value
		case "<<<<":
			before, tail, _ := strings.Cut(rest, "====\n")
			after, tail, ended := strings.Cut(tail, ">>>>\n")
			if !ended || file == "" || before == "" {
				return nil, fmt.Errorf("an edit of %q has no end, no file or no old text", file)
			}
			m.Edits = append(m.Edits, Edit{File: file, Old: before, New: after})
			rest = tail
		case "":
		default:
			return nil, fmt.Errorf("%q: expected #, caught by, in or <<<<", line)
		}
	}
	if m.Why == "" || len(m.Edits) == 0 {
		return nil, fmt.Errorf("a mutation needs a reason and an edit")
	}
	return m, nil
}

// next cuts the first line off.
func next(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return line, rest
}

// Apply returns the files that mutations change, by their path below root, as they are with them. It is an error if an
// old text isn't there exactly once.
func Apply(root string, list ...*Mutation) (map[string]string, error) {
	files := map[string]string{}
	for _, m := range list {
		for _, e := range m.Edits {
			text, ok := files[e.File]
			if !ok {
				data, err := os.ReadFile(filepath.Join(root, e.File))
				if err != nil {
					return nil, fmt.Errorf("%s: %w", m.Name, err)
				}
				text = string(data)
			}
			if n := strings.Count(text, e.Old); n != 1 {
				return nil, fmt.Errorf("%s: %s holds the old text %d times, expected once:\n%s", m.Name, e.File, n, e.Old)
			}
			files[e.File] = strings.Replace(text, e.Old, e.New, 1)
		}
	}
	return files, nil
}

// Overlay writes what Apply returns below dir, and returns the path of the file that the go command's -overlay takes.
func Overlay(root, dir string, list ...*Mutation) (string, error) {
	files, err := Apply(root, list...)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range files {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}
