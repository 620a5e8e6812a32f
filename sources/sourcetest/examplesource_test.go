package sourcetest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sources/sourcetest"
)

// The source of the example keeps every promise that sources make.
func TestExampleSource(t *testing.T) {
	var text strings.Builder
	for i := range 3*pipeline.BatchRows + 7 {
		switch {
		case i%500 == 3:
			fmt.Fprintln(&text, `{"id": `)
		case i%300 == 5:
			fmt.Fprintln(&text, "{\"id\": \"\xff\"}")
		default:
			fmt.Fprintf(&text, `{"id": "%d", "amount": %d.50, "tags": ["a", null], "gone": null}`+"\n", i, i)
		}
	}
	s := &jsonLines{Path: filepath.Join(t.TempDir(), "rows.jsonl"), Columns: []string{"id", "amount", "tags", "gone", "missing"}}
	if err := os.WriteFile(s.Path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) { return s.Open(ctx, pipeline.Env{}) })
}
