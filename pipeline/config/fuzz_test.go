package config

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// maxParse is what reading a file may allocate in all. A file of maxSize that is all punctuation takes about half of it;
// the race detector adds some.
const maxParse = 80 << 20

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// hidden is the value of the variable X: no diagnostic may hold it.
const hidden = "hidden\tvalue: [of] \"x\" & more"

// FuzzParse proves that no file makes the reader panic or take much memory; that every diagnostic points into the file,
// or names a file with a Spec; and that what is interpolated is in no diagnostic.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("../../testdata/errors/*.yaml")
	for _, file := range files {
		if source, err := os.ReadFile(file); err == nil {
			f.Add(source)
		}
	}
	f.Add([]byte(example))
	f.Add([]byte(strings.ReplaceAll(example, "people.csv", "${X}")))
	for _, tt := range hostileFiles() {
		if len(tt.source) < 1000 {
			f.Add([]byte(tt.source))
		}
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		if bytes.Contains(source, []byte("file:")) {
			return // reads files
		}
		var spec *Spec
		var diags Diagnostics
		n := allocated(func() {
			spec, diags = Parse("pipelines.yaml", source, testKinds, func(name string) (string, bool) { return hidden, name == "X" })
		})
		if n > maxParse {
			t.Errorf("%d MiB allocated for %d bytes", n>>20, len(source))
		}
		if (spec == nil) != (len(diags) > 0) {
			t.Errorf("spec %v with %d diagnostics", spec, len(diags))
		}
		inside(t, diags, source)
		var out bytes.Buffer
		if err := diags.Print(&out, source); err != nil {
			t.Error(err)
		}
		if bytes.Contains(source, []byte("hidden")) || bytes.Contains(source, []byte("value")) {
			return // the file itself says it
		}
		for _, d := range diags {
			if text := d.String() + d.Hint; strings.Contains(text, "hidden") || strings.Contains(text, hidden[8:]) {
				t.Errorf("the value of X is in %q", text)
			}
		}
	})
}

// reference is what interpolation does, written once more and as simply as can be: for texts whose references have no
// braces in them.
func plainExpand(text string, vars map[string]string) (string, bool) {
	var b strings.Builder
	for text != "" {
		rest, isRef := strings.CutPrefix(text, "${")
		switch {
		case strings.HasPrefix(text, "$$"):
			b.WriteByte('$')
			text = text[2:]
			continue
		case !isRef:
			b.WriteByte(text[0])
			text = text[1:]
			continue
		}
		ref, after, ok := strings.Cut(rest, "}")
		if !ok || strings.Contains(ref, "{") {
			return "", false
		}
		name, fallback, hasFallback := strings.Cut(ref, ":-")
		value := vars[name]
		if _, set := vars[name]; !set || value == "" && hasFallback {
			if !hasFallback {
				return "", false
			}
			if strings.Contains(fallback, "$") {
				return "", false
			}
			value = fallback
		}
		b.WriteString(value)
		text = after
	}
	return b.String(), true
}

// FuzzInterpolate proves that a value, whatever is in it, takes the place of its reference and nothing else: it isn't
// read as YAML, as a reference or as an escape; and that a text written with $$ comes out as it was.
func FuzzInterpolate(f *testing.F) {
	for _, seed := range [][2]string{
		{"a ${X} b", "x: 1\n- ${X} # \"'"}, {"${X:-none}", ""}, {"${Y:-none}", "x"}, {"$$${X}$", "$$"}, {"${X", "}"}, {"${X:-${X}}", "${Y}"}, {"$${X}", "x"},
		{"${file:X}", "\x00"}, {"${X:?needed}", ""}, {"}${X}{", "{"}, {"${X}${X}", "\xff"}, {"é${X}", "é"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		vars := map[string]string{"X": value, "E": ""}
		lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
		escaped := expansion{lookup: lookup}
		if got := escaped.expand(strings.ReplaceAll(text, "$", "$$")); got != text || len(escaped.problems)+len(escaped.refs) > 0 {
			t.Errorf("%q, escaped, became %q; %v", text, got, escaped.problems)
		}
		if want, ok := plainExpand(text, vars); ok {
			e := expansion{lookup: lookup}
			if got := e.expand(text); got != want || len(e.problems) > 0 {
				t.Errorf("%q with %q became %q, want %q; %v", text, value, got, want, e.problems)
			}
		}
		structure(t, value)
	})
}

// structure proves that a value of the environment is one scalar wherever it stands in a file.
func structure(t *testing.T, value string) {
	t.Helper()
	source := strings.Replace(example, "path: people.csv", `path: "${V}"`, 1)
	spec, diags := Parse("pipelines.yaml", []byte(source), testKinds, environment("V", value))
	if len(diags) > 0 {
		t.Fatalf("%q: %v", value, diags)
	}
	got := spec.Pipelines[0].Source.Config.(*csvSource)
	if len(got.Path) != 1 || got.Path[0] != value || got.Delimiter != "," || len(spec.Pipelines) != 2 {
		t.Errorf("%q became %+v", value, got)
	}
}
