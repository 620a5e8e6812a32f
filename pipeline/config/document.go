package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// maxSize bounds a file, so that reading even a hostile one takes well under a second.
const maxSize = 512 << 10

// A document is a file that has been read: its tree, and what was put into it from outside.
type document struct {
	file  string
	lines []string
	root  *yaml.Node  // the top map
	refs  []reference // what was interpolated

	runesOf int    // the number of the line that runes are of; 0 if there is none yet
	runes   []rune // kept, because a file of one long line may have much wrong with it
}

func newDocument(file string, data []byte) *document {
	return &document{file: file, lines: splitLines(data[:min(len(data), maxSize)])}
}

// A spot is a value and its key, with the path of keys to it. Where there is no key (the top, elements of a list), key
// is the value too.
type spot struct {
	path       string
	key, value *yaml.Node
}

// child returns the spot of an entry of s.
func (s spot) child(key, value *yaml.Node) spot {
	return spot{path: joinPath(s.path, key.Value), key: key, value: value}
}

// element returns the spot of the i-th element of s.
func (s spot) element(i int) spot {
	node := s.value.Content[i]
	return spot{path: fmt.Sprintf("%s[%d]", s.path, i), key: node, value: node}
}

func joinPath(path, name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '.' || r == '"' }) {
		name = pipeline.Quote(name)
	} else {
		name = clip(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// A decoder turns a document into a Spec, and collects what is wrong.
type decoder struct {
	*document
	lookup   func(string) (string, bool)
	kinds    pipeline.Kinds
	problems Diagnostics

	refused   map[*yaml.Node]bool // reported already, whatever else they are
	component string              // the kind being decoded
	uses      []connectionUse
}

// report adds a diagnostic about a value.
func (d *decoder) report(at spot, hint, format string, args ...any) {
	node := at.value
	if isNull(node) {
		node = at.key
	}
	d.add(d.diagnostic(node, at.path, fmt.Sprintf(format, args...), hint))
}

// reportKey adds a diagnostic about a key.
func (d *decoder) reportKey(at spot, hint, format string, args ...any) {
	d.add(d.diagnostic(at.key, at.path, fmt.Sprintf(format, args...), hint))
}

func (d *decoder) add(diag Diagnostic) { d.problems = append(d.problems, diag) }

// maxDiagnostics is how many diagnostics are told: nobody reads more, and each takes its time.
const maxDiagnostics = 500

// sorted returns what is wrong, without interpolated values.
func (d *decoder) sorted() Diagnostics {
	var once []reference
	for _, ref := range d.refs {
		if !slices.Contains(once, ref) {
			once = append(once, ref)
		}
	}
	d.refs = once
	list := d.problems.sort()
	if more := len(list) - maxDiagnostics; more > 0 {
		next := list[maxDiagnostics]
		next.Path, next.Message, next.Hint = "", fmt.Sprintf("%d more are left out, of which this is the first: mend those above, and look again", more), ""
		list = append(list[:maxDiagnostics], next)
	}
	for i := range list {
		p := &list[i]
		p.Message, p.Hint = d.redact(p.Message), d.redact(p.Hint)
	}
	return list
}

// diagnostic makes a Diagnostic with the place of node.
func (d *document) diagnostic(node *yaml.Node, path, message, hint string) Diagnostic {
	return Diagnostic{File: d.file, Line: node.Line, Col: node.Column, EndCol: node.Column + d.tokenLength(node),
		Path: path, Message: message, Hint: hint}
}

// tokenLength returns how many characters of its first line a node takes.
func (d *document) tokenLength(node *yaml.Node) int {
	if node.Kind != yaml.ScalarNode || node.Line < 1 || node.Line > len(d.lines) {
		return 1
	}
	if d.runesOf != node.Line {
		d.runesOf, d.runes = node.Line, []rune(d.lines[node.Line-1])
	}
	line := d.runes
	if node.Column > len(line) {
		return 1
	}
	rest := line[node.Column-1:]
	switch {
	case node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		for i := 1; i < len(rest); i++ {
			if rest[i] == rest[0] && rest[i-1] != '\\' {
				return i + 1
			}
		}
		return len(rest)
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 1
	}
	return max(1, min(len(rest), utf8.RuneCountInString(node.Value)))
}

// at makes a Diagnostic for a line that has no node: it points to the line's first visible character.
func (d *document) at(line int, message, hint string) Diagnostic {
	line = max(1, min(line, len(d.lines)))
	text := d.lines[line-1]
	col := utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " ")) + 1
	return Diagnostic{File: d.file, Line: line, Col: col, EndCol: col + 1, Message: message, Hint: hint}
}
