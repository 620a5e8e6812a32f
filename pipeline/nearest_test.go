package pipeline_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// TestNearest proves that a suggestion is near, from the list, and absent otherwise.
func TestNearest(t *testing.T) {
	list := []string{"path", "paths", "delimiter", "header", "id", "Mode", strings.Repeat("x", 101), "zip code"}
	for text, want := range map[string]string{
		"pahts": "paths", "paht": "path", "delimeter": "delimiter", "delimmeter": "delimiter", "delimmeters": "", "mode": "Mode", "HEADER": "header",
		"ids": "id", "x": "", "table": "", "delay": "", "": "", strings.Repeat("delimiter", 10): "", "path": "paths", " header ": "header",
		strings.Repeat("x", 102): "", strings.Repeat("x", 100): strings.Repeat("x", 101), "Zip-Code": "zip code", "ïd": "",
	} {
		if got := pipeline.Nearest(text, list); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", text, got, want)
		}
	}
}

// TestByNearness proves that all names stay, ordered by edits, of which a swap of neighbours is one.
func TestByNearness(t *testing.T) {
	long := strings.Repeat("y", 5000)
	got := pipeline.ByNearness("noen", []string{long, "some", "none", "One", "NOEN "})
	if diff := cmp.Diff([]string{"NOEN ", "none", "One", "some", long}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSuggest proves that a hint names what there is where nothing is near.
func TestSuggest(t *testing.T) {
	for _, test := range []struct {
		name  string
		among []string
		want  string
	}{
		{"emial", []string{"id", "email"}, `did you mean "email"?`},
		{"phone", []string{"id", "email"}, "columns: id, email"},
		{"phone", nil, "there are no columns"},
		{"phone", strings.Fields(strings.Repeat("x ", 22)), "columns: " + strings.Repeat("x, ", 19) + "x and 2 more"},
	} {
		if got := pipeline.Suggest(test.name, test.among, "columns"); got != test.want {
			t.Errorf("Suggest(%q, %q) = %s, want %s", test.name, test.among, got, test.want)
		}
	}
}
