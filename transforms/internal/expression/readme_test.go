package expression

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// README.md shows an example of every function, and each gives what README.md says.
func TestReadmeExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "<!-- expressions -->")
	part, _, _ = strings.Cut(part, "<!-- end -->")
	var shown []string
	for _, m := range regexp.MustCompile("`([^`]+)` → `([^`]*)`").FindAllStringSubmatch(part, -1) {
		// A table needs its own sign escaped.
		source, want := strings.ReplaceAll(m[1], `\|`, "|"), m[2]
		p, err := Compile(source, &pipeline.Schema{})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		v, err := p.Eval(nil)
		got := v.String()
		if v.IsNull() {
			got = "nil"
		}
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, but README.md says %s", source, got, err, want)
		}
		for _, call := range regexp.MustCompile(`([a-z_0-9]+)\(`).FindAllStringSubmatch(source, -1) {
			shown = append(shown, call[1])
		}
	}
	slices.Sort(shown)
	shown = slices.Compact(shown)
	if diff := cmp.Diff(functionNames(), shown); diff != "" {
		t.Errorf("functions (-there are +README.md shows):\n%s", diff)
	}
}
