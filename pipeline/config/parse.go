package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxDepth bounds how deep values may be nested.
const maxDepth = 50

// read parses data and returns the top map, or nil if there is none.
func (d *decoder) read(data []byte) *yaml.Node {
	if len(data) > maxSize {
		d.add(d.at(1, fmt.Sprintf("the file is too long: %d bytes, at most %d are read", len(data), maxSize), "split it into several files"))
		return nil
	}
	if !utf8.Valid(data) {
		d.add(d.invalidText())
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := in.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]) {
		d.add(d.at(1, "the file is empty", "write version: 1 and pipelines:"))
		return nil
	}
	if err != nil {
		d.add(d.syntax(err))
		return nil
	}
	switch err := in.Decode(&second); {
	case err == nil:
		d.add(d.at(second.Content[0].Line, "a second document begins here: expected one", "remove the line ---"))
	case !errors.Is(err, io.EOF):
		d.add(d.syntax(err))
		return nil
	}
	d.refused = map[*yaml.Node]bool{}
	if !d.plain(doc.Content[0], 0) {
		return nil
	}
	return doc.Content[0]
}

// plain complains of what YAML offers beyond maps, lists and scalars, so that the walk needn't think of it. False means
// that the document is nested too deep to go on.
func (d *decoder) plain(node *yaml.Node, depth int) bool {
	if depth > maxDepth {
		d.add(d.diagnostic(node, "", fmt.Sprintf("values are nested more than %d deep here", maxDepth), ""))
		return false
	}
	refuse := func(hint, format string, args ...any) {
		d.refused[node] = true
		d.add(d.diagnostic(node, "", fmt.Sprintf(format, args...), hint))
	}
	switch {
	case node.Kind == yaml.AliasNode:
		refuse("write the value out; put quotes around a text that starts with *", "alias *%s: aliases aren't supported", clip(node.Value))
	case node.Anchor != "":
		refuse("write the value out; put quotes around a text that starts with &", "anchor &%s: anchors aren't supported", clip(node.Anchor))
	case node.Style&yaml.TaggedStyle != 0:
		refuse("put quotes around a text that starts with !", "tag %s: tags aren't supported", clip(node.Tag))
	}
	for _, child := range node.Content {
		if !d.plain(child, depth+1) {
			return false
		}
	}
	return true
}

// invalidText finds the first byte that isn't UTF-8.
func (d *document) invalidText() Diagnostic {
	for i, line := range d.lines {
		for at, r := range line {
			if r != utf8.RuneError || strings.HasPrefix(line[at:], string(utf8.RuneError)) {
				continue
			}
			col := utf8.RuneCountInString(line[:at]) + 1
			return Diagnostic{File: d.file, Line: i + 1, Col: col, EndCol: col + 1,
				Message: fmt.Sprintf("byte 0x%02x isn't UTF-8", line[at]), Hint: "save the file as UTF-8"}
		}
	}
	return d.at(1, "the file isn't UTF-8", "save the file as UTF-8")
}

var (
	syntaxLine    = regexp.MustCompile(`^line (\d+): `)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntax makes a Diagnostic of a YAML syntax error. The library counts the lines of its parser's errors, which all
// begin with the same words, from 0, and those of its scanner's from 1; it leaves the number out for the first line.
func (d *document) syntax(err error) Diagnostic {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
		if strings.HasPrefix(message, "did not find expected") {
			line++
		}
	}
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		line = d.lineOf(func(text string) bool { return strings.Contains(text, "*"+m[1]) })
		return d.at(line, fmt.Sprintf("alias *%s: aliases aren't supported", clip(m[1])), "put quotes around a text that starts with *")
	}
	if strings.HasPrefix(message, "control characters") {
		line = d.lineOf(func(text string) bool {
			return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		})
	}
	if strings.HasPrefix(message, "found a tab character") { // in the line that is named, or in one that follows
		from := min(max(line-1, 0), len(d.lines))
		if i := slices.IndexFunc(d.lines[from:], tabIndented); i >= 0 {
			line = from + i + 1
		}
	}
	return d.at(line, "syntax error: "+message, d.syntaxHint(line, message))
}

// lineOf returns the number of the first line for which is is true, or 1.
func (d *document) lineOf(is func(string) bool) int {
	for i, text := range d.lines {
		if is(text) {
			return i + 1
		}
	}
	return 1
}

// tabIndented tells whether there is a tab in a line's indentation.
func tabIndented(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), "\t") }

func (d *document) syntaxHint(line int, message string) string {
	text := ""
	if line >= 1 && line <= len(d.lines) {
		text = d.lines[line-1]
	}
	switch {
	case tabIndented(text):
		return "indent with spaces, not with tabs"
	case strings.Contains(text, "${") && strings.HasPrefix(message, "did not find expected ','"):
		return "put quotes around ${…} inside of {…} and […]"
	case strings.HasPrefix(message, "mapping values are not allowed"):
		return "put quotes around a text that holds a colon followed by a space, and check the indentation"
	case strings.HasPrefix(message, "found character that cannot start"):
		return "put quotes around a text that starts with @, ` or %"
	case strings.HasPrefix(message, "did not find expected key"), strings.HasPrefix(message, "could not find expected ':'"):
		return "check the indentation of this line and of those around it"
	}
	return ""
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.Tag == "!!null"
}
