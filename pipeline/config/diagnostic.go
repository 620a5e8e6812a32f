package config

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// A Diagnostic is one thing that is wrong with a file. Interpolated values never appear in it.
type Diagnostic struct {
	File    string
	Line    int // counted from 1
	Col     int // in characters, counted from 1
	EndCol  int // behind the last character, on the same line
	Path    string
	Message string
	Hint    string // what to do; "" if the message says it all
}

// String returns "file:line:col: path: message".
func (d Diagnostic) String() string {
	place := fmt.Sprintf("%s:%d:%d: ", d.File, d.Line, d.Col)
	if d.Path != "" {
		place += d.Path + ": "
	}
	return place + d.Message
}

// Diagnostics are all that is wrong with a file, sorted by place.
type Diagnostics []Diagnostic

// Error returns one line for each diagnostic.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

func (ds Diagnostics) sort() Diagnostics {
	slices.SortFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ds)
}

// Print writes each diagnostic with the line of source that it is about, a marker below it, and its hint. Source is
// the file's content. What looks like a secret in a line is blotted out.
func (ds Diagnostics) Print(w io.Writer, source []byte) error {
	lines := splitLines(source)
	var masked []rune // of the line of the diagnostic before, which may be the same and long
	for i, d := range ds {
		var b strings.Builder
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(d.String() + "\n")
		if d.Line >= 1 && d.Line <= len(lines) {
			if i == 0 || ds[i-1].Line != d.Line {
				masked = []rune(mask(lines[d.Line-1]))
			}
			d.excerpt(&b, masked)
		}
		if d.Hint != "" {
			b.WriteString("hint: " + d.Hint + "\n")
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// excerptWidth is how many characters of a line are shown on each side of a diagnostic's place.
const excerptWidth = 100

// excerpt writes the line and the marker below it.
func (d Diagnostic) excerpt(b *strings.Builder, runes []rune) {
	start, end := min(d.Col-1, len(runes)), min(d.EndCol-1, len(runes))
	end = max(end, start)
	from := 0
	if start > excerptWidth {
		from = start - excerptWidth/2
	}
	to := min(len(runes), start+excerptWidth)
	end = min(end, to)
	number := strconv.Itoa(d.Line)
	gutter := strings.Repeat(" ", len(number))
	fmt.Fprintf(b, "%s |\n%s | %s\n%s | ", gutter, number, visible(runes[from:to]), gutter)
	for _, r := range runes[from:start] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", columns(r)))
		}
	}
	n := 0
	for _, r := range runes[start:end] {
		n += columns(r)
	}
	b.WriteString("^" + strings.Repeat("~", max(0, n-1)) + "\n")
}

// visible returns runes with those replaced that a terminal would act on.
func visible(runes []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) && columns(r) > 0 {
			return '·'
		}
		return r
	}, string(runes))
}

// columns returns how many columns of a terminal a character takes.
func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

var (
	secretOption = regexp.MustCompile(`(?i)(["']?[a-z_-]*(?:token|secret|passw|api_?key)[a-z_-]*["']?\s*:\s*["']?)([^\s"'${},\[\]][^\s"',}]*)`)
	secretText   = regexp.MustCompile(`(pat-|://[^\s/@:"']*:)([^\s/@"'$]{4,})`)
)

// mask blots out what looks like a secret, keeping every character's place.
func mask(line string) string {
	for _, pattern := range []*regexp.Regexp{secretOption, secretText} {
		at := pattern.FindAllStringSubmatchIndex(line, -1)
		for _, m := range slices.Backward(at) {
			stars := strings.Repeat("*", utf8.RuneCountInString(line[m[4]:m[5]]))
			line = line[:m[4]] + stars + line[m[5]:]
		}
	}
	return line
}

// splitLines splits source where YAML ends a line.
func splitLines(source []byte) []string {
	text := strings.TrimPrefix(string(source), "\ufeff")
	text = lineEnds.Replace(text)
	return strings.Split(text, "\n")
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// clip quotes nothing and cuts text to about 80 characters, without what a terminal would act on.
func clip(text string) string {
	runes := []rune(text)
	if len(runes) > 80 {
		return visible(runes[:79]) + "…"
	}
	return visible(runes)
}
