package config

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// A reference is a value that was put in place of ${…}. It may be secret.
type reference struct {
	text  string // as written, such as ${HUBSPOT_ACCESS_TOKEN}
	value string
}

// An expansion works through one scalar.
type expansion struct {
	lookup   func(string) (string, bool)
	refs     []reference
	problems []problem
	depth    int // of references in the defaults of others
}

// maxNested bounds how deep references may be in each other's defaults.
const maxNested = 10

type problem struct{ message, hint string }

// scalar returns the text of a scalar, with references replaced. What says what is expected; it is reported if the
// value is none at all.
func (d *decoder) scalar(at spot, what string) (string, bool) {
	switch {
	case d.refused[at.value]:
		return "", false
	case isNull(at.value):
		d.report(at, "", "has no value: expected %s", what)
		return "", false
	case at.value.Kind != yaml.ScalarNode:
		d.report(at, "", "expected %s, found %s", what, d.shown(at.value))
		return "", false
	}
	e := expansion{lookup: d.lookup}
	text := e.expand(at.value.Value)
	for _, p := range e.problems {
		d.report(at, p.hint, "%s", p.message)
	}
	d.refs = append(d.refs, e.refs...)
	return text, len(e.problems) == 0
}

// maxScalar bounds what a scalar becomes, in bytes.
const maxScalar = 1 << 20

const dollarHint = "write $$ for a dollar sign before a brace"

// expand replaces ${NAME}, ${NAME:-default}, ${NAME:?message} and ${file:PATH}, and $$ by $. A default may hold
// references itself. A $ before anything else stays.
func (e *expansion) expand(text string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '$')
		if at < 0 || at == len(text)-1 {
			return b.String() + text
		}
		b.WriteString(text[:at])
		text = text[at:]
		switch text[1] {
		case '$':
			b.WriteByte('$')
			text = text[2:]
		case '{':
			end := closingBrace(text)
			if end < 0 {
				e.fail(dollarHint, "%s has no closing brace", clip(text))
				return b.String()
			}
			b.WriteString(e.replace(text[:end+1]))
			if b.Len() > maxScalar {
				e.fail("", "is longer than %d bytes once its references are replaced", maxScalar)
				return ""
			}
			text = text[end+1:]
		default:
			b.WriteByte('$')
			text = text[1:]
		}
	}
}

// closingBrace returns the place of the brace that ends the reference at the start of text, or -1.
func closingBrace(text string) int {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == '{' && text[i-1] == '$':
			depth++
		case text[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

var variable = regexp.MustCompile(`(?s)^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?\}$`)

// replace returns the value of one reference.
func (e *expansion) replace(ref string) string {
	if path, ok := strings.CutPrefix(ref, "${file:"); ok {
		return e.file(ref, strings.TrimSuffix(path, "}"))
	}
	m := variable.FindStringSubmatch(ref)
	if m == nil {
		e.fail(dollarHint, "%s is no reference: expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}", clip(ref))
		return ""
	}
	name, operator, rest := m[1], m[2], m[3]
	value, set := e.lookup(name)
	switch {
	case set && (value != "" || operator == ""):
		e.refs = append(e.refs, reference{text: "${" + name + "}", value: value})
		return value
	case operator == ":-" && e.depth == maxNested:
		e.fail("", "references are nested more than %d deep here", maxNested)
	case operator == ":-":
		e.depth++
		defer func() { e.depth-- }()
		return e.expand(rest)
	case operator == ":?" && rest != "":
		e.fail("", "the environment variable %s is missing: %s", name, clip(rest))
	default:
		e.fail(fmt.Sprintf("set it, or give a default: ${%s:-…}", name), "the environment variable %s is missing", name)
	}
	return ""
}

// maxSecretFile bounds what ${file:…} reads.
const maxSecretFile = 64 << 10

// file returns a file's content without the newline at its end.
func (e *expansion) file(ref, path string) string {
	content, err := readRegular(path)
	if err != nil {
		e.fail("", "%s: %v", clip(ref), err)
		return ""
	}
	content = strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	e.refs = append(e.refs, reference{text: ref, value: content})
	return content
}

func readRegular(path string) (string, error) {
	info, err := os.Stat(path) // before opening, which would wait for ever on a pipe
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s isn't a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if len(content) > maxSecretFile {
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxSecretFile)
	}
	return string(content), err
}

func (e *expansion) fail(hint, format string, args ...any) {
	e.problems = append(e.problems, problem{fmt.Sprintf(format, args...), hint})
}

// Lengths that tell whether a text gives an interpolated value away: a shorter value is only looked for in quotes, and
// a shorter part of a value says nothing.
const (
	tellingValue = 4
	tellingPart  = 12
)

// redact returns text with interpolated values replaced by what stands in the file. Text that holds a part of one is
// left out altogether.
func (d *document) redact(text string) string {
	for _, ref := range d.refs {
		if ref.value == "" {
			continue
		}
		quoted := strconv.Quote(ref.value)
		text = strings.ReplaceAll(text, quoted, strconv.Quote(ref.text))
		if len(ref.value) >= tellingValue {
			text = strings.ReplaceAll(text, ref.value, ref.text)
			text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], ref.text)
		}
	}
	for _, ref := range d.refs {
		value := ref.value[:min(len(ref.value), 4096)]
		for i := 0; i+tellingPart <= len(value); i++ {
			if strings.Contains(text, value[i:i+tellingPart]) {
				return fmt.Sprintf("the value of %s isn't accepted (more isn't said, since it may be secret)", ref.text)
			}
		}
	}
	return text
}

// shown describes what stands in the file, for messages.
func (d *decoder) shown(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a map"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "no value"
	}
	return pipeline.Quote(node.Value)
}
