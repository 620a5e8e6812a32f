package config

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// A hostileFile is one that is made to cost much, or to mean something else than it seems to.
type hostileFile struct {
	name, source string
	want         string // a part of the first diagnostic; "" if the file is fine
}

func hostileFiles() []hostileFile {
	in := func(old, new string) string { return strings.Replace(example, old, new, 1) }
	deep := func(open, shut string, n int) string {
		return "version: 1\npipelines: " + strings.Repeat(open, n) + strings.Repeat(shut, n) + "\n"
	}
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 8) + "*" + string(c-1) + "]\n"
	}
	return []hostileFile{
		{"a thousand million laughs", laughs, "anchors aren't supported"},
		{"laughs within an option", in("people.csv, types", "&a [x, x], types"), "anchor &a: anchors aren't supported"},
		{"an alias of itself", "version: 1\npipelines: &a [*a]\n", "anchor"},
		{"a scalar of 10 MiB", in("people.csv", strings.Repeat("x", 10<<20)), "the file is too long"},
		{"a scalar of 400 kB", in("path: people.csv", "path: "+strings.Repeat("x", 400<<10)), ""},
		{"a key twice", in("key: id\n", "key: id\n    key: id\n"), `"key"`},
		{"an option twice", in("path: people.csv", "path: people.csv, path: b.csv"), `"path"`},
		{"a pipeline twice", in("  companies:\n", "  people:\n"), `"people"`},
		{"a merge key", in("csv: { path: people.csv", "csv: { <<: { path: other.csv }, path: people.csv"), "merge keys aren't supported"},
		{"a merge key of an alias", in("key: id\n", "key: id\n    <<: *people\n"), "alias"},
		{"a tag", in("path: people.csv", "path: !!str people.csv"), "tags aren't supported"},
		{"a tag of the program's own", in("path: people.csv", "path: !exec people.csv"), "tags aren't supported"},
		{"bytes", in("path: people.csv", "path: !!binary cGVvcGxlLmNzdg=="), "tags aren't supported"},
		{"a set", in("key: [id, country]", "key: !!set {id, country}"), "tags aren't supported"},
		{"a Python object", in("path: people.csv", "path: !!python/object/apply:os.system [id]"), "tags aren't supported"},
		{"lists nested 100,000 deep", deep("[", "]", 100_000), "syntax error"},
		{"lists nested 100,000 deep, never closed", deep("[", "", 100_000), "syntax error"},
		{"lists nested 1,000 deep", deep("[", "]", 1000), "nested more than 50 deep"},
		{"maps nested 100,000 deep", deep("{a: ", "}", 100_000), "syntax error"},
		{"maps nested by indentation", "version: 1\npipelines:\n" + steps(700), "nested more than 50 deep"},
		{"entries of a list on one line", "version: 1\npipelines:\n  " + strings.Repeat("- ", 100_000) + "x\n", "syntax error"},
		{"question marks", "version: 1\npipelines:\n" + strings.Repeat("? ", 100_000) + "\n", "syntax error"},
		{"200,000 commas", "version: 1\npipelines: [" + strings.Repeat(",", 200_000) + "]\n", "syntax error"},
		{"60,000 pipelines with one name", "version: 1\npipelines: {" + manyKeys(60_000) + "}\n", `key "a" is given twice`},
		{"20,000 keys that are the same", strings.Repeat("aaaaaaaaaaaaaaaa: b\n", 20<<10), "aaaaaaaaaaaaaaaa"},
		{"20,000 unknown keys", unknownKeys(20 << 10), "unknown key"},
		{"comments alone", strings.Repeat("# x\n", 1<<20), "the file is too long"},
		{"a variable that refers to itself", in("path: people.csv", `path: "${LOOP}"`), ""},
		{"references nested 10,000 deep", in("path: people.csv", `path: "`+strings.Repeat("${Y:-", 10_000)+strings.Repeat("}", 10_000)+`"`), "references are nested more than 10 deep here"},
		{"references nested 100,000 deep and open", in("path: people.csv", `path: "`+strings.Repeat("${Y:-", 60_000)+`"`), "no closing brace"},
		{"a variable of 1 MiB, 10,000 times", in("path: people.csv", `path: "`+strings.Repeat("${LARGE}", 10_000)+`"`), "is longer than 1048576 bytes once its references are replaced"},
		{"two documents", example + "---\n" + example, "a second document begins here"},
		{"UTF-16", "\xff\xfev\x00e\x00r\x00", "isn't UTF-8"},
		{"a byte order mark", "\ufeff" + strings.TrimLeft(example, "\n"), ""},
		{"a NUL", in("people.csv", "peo\x00ple.csv"), "control characters"},
		{"a NUL that is written", in("path: people.csv", `path: "a\0b"`), ""},
		{"a tab for indentation", in("    key: id\n", "\tkey: id\n"), "syntax error"},
		{"a direction that YAML knows", "%YAML 1.1\n---" + example, ""},
		{"a direction that it doesn't", "%TAG ! tag:x,2000:\n---" + example, ""},
		{"truth as a key", in("key: id\n", "yes: id\n"), `"yes"`},
		{"a list as a key", in("key: id\n", "[a, b]: id\n"), "expected"},
		{"the number of the version as text", in("version: 1", "version: 1.0"), "version"},
		{"an octal version", in("version: 1", "version: 0o1"), "version"},
		{"a page of 10^100", in("page: 10", "page: 1"+strings.Repeat("0", 100)), "page"},
		{"a negative lag", in("lag: 5m", "lag: -5m"), ""},
		{"a share that is no number", in("of: 0.1", "of: .nan"), "of"},
		{"a right-to-left override in a name", in("  companies:\n", "  comp\u202eanies:\n"), "is no name"},
	}
}

// steps returns a map in a map, n deep, by indentation.
func steps(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + " a:\n")
	}
	return b.String()
}

func manyKeys(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString("a: 1,")
	}
	return b.String()
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "pipelin%d: b\n", i)
	}
	return b.String()
}

// TestHostileFiles proves that no file costs more than some memory, and that what isn't plain YAML is refused with its
// place.
func TestHostileFiles(t *testing.T) {
	for _, tt := range hostileFiles() {
		t.Run(tt.name, func(t *testing.T) {
			var diags Diagnostics
			large := strings.Repeat("x", 1<<20)
			n := allocated(func() {
				_, diags = Parse("pipelines.yaml", []byte(tt.source), testKinds, environment("LOOP", "${LOOP}", "LARGE", large))
			})
			if n > maxParse {
				t.Errorf("%d MiB allocated for %d kB", n>>20, len(tt.source)>>10)
			}
			inside(t, diags, []byte(tt.source))
			if err := diags.Print(io.Discard, []byte(tt.source)); err != nil {
				t.Error(err)
			}
			text := diags.Error()
			if len(diags) > 0 && tt.want == "" || !strings.Contains(text, tt.want) {
				t.Errorf("got %.300q, want %q", text, tt.want)
			}
		})
	}
}
