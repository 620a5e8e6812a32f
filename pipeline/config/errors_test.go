package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is printed beside testdata/errors/*.yaml")

// TestErrors compares what is said of each broken file, as a person sees it, with the text beside it. No environment
// variable is set.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("../../testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			spec, diags := Parse(name+".yaml", source, testKinds, nil)
			if spec != nil || len(diags) == 0 {
				t.Fatal("no diagnostics")
			}
			var got bytes.Buffer
			if err := diags.Print(&got, source); err != nil {
				t.Fatal(err)
			}
			inside(t, diags, source)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got), -update writes it anew:\n%s", diff)
			}
		})
	}
}

// inside complains of diagnostics that point outside the file.
func inside(t *testing.T, diags Diagnostics, source []byte) {
	t.Helper()
	lines := splitLines(source)
	for _, d := range diags {
		if d.Line < 1 || d.Line > len(lines) || d.Message == "" {
			t.Errorf("outside of %d lines: %q", len(lines), d)
			continue
		}
		width := utf8.RuneCountInString(lines[d.Line-1])
		if d.Col < 1 || d.EndCol <= d.Col || d.Col > width+1 || d.EndCol > width+2 {
			t.Errorf("columns %d to %d, outside of a line of %d: %q", d.Col, d.EndCol, width, d)
		}
	}
}
