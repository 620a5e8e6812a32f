package csv

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRowsOfManyBlocks proves that rows are what the files say where a batch ends with the buffer, where it goes on in the
// next file, and where a bad record, or one larger than the buffer, stands between rows that are in use.
func TestRowsOfManyBlocks(t *testing.T) {
	for _, wide := range []int{20, 2_000, 70_000} {
		t.Run(fmt.Sprint(wide), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(wide)))
			dir := t.TempDir()
			var want, refused []string
			for file := range 3 {
				path := filepath.Join(dir, fmt.Sprintf("%d.csv", file))
				content, rows, bad := manyRows(rng, path, wide, 1<<20/wide)
				write(t, path, content)
				want, refused = append(want, rows...), append(refused, bad...)
			}
			var got, rejects []string
			for _, line := range lines(t, open(t, filepath.Join(dir, "*.csv"), nil), nil) {
				if where, ok := strings.CutPrefix(line, "source bad_quote "); ok {
					rejects = append(rejects, where[:strings.Index(where, ": ")])
				} else {
					got = append(got, line)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%.2000s", diff)
			}
			if diff := cmp.Diff(refused, rejects); diff != "" {
				t.Errorf("rejects (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// manyRows returns a file of n records with two fields, the rows that it has, and where records can't be read.
func manyRows(rng *rand.Rand, path string, wide, n int) (content string, rows, refused []string) {
	var b strings.Builder
	b.WriteString("a,b\n")
	line := 2
	for i := range n {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", rng.IntN(2*wide)))
		switch rng.IntN(200) {
		case 0:
			refused = append(refused, fmt.Sprintf("%s:%d", path, line))
			fmt.Fprintf(&b, "%d,%s\"\n", i, text)
			line++
			continue
		case 1:
			if rng.IntN(40) == 0 {
				text = strings.Repeat(text, 1+600_000/len(text))
			}
		}
		at := line
		switch field := text; rng.IntN(3) {
		case 0:
			text = `say "` + text + "\"\nand go"
			field = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			line++
			fallthrough
		default:
			fmt.Fprintf(&b, "%d,%s\n", i, field)
		}
		line++
		rows = append(rows, fmt.Sprintf("%s:%d %q %q", path, at, fmt.Sprint(i), text))
	}
	return b.String(), rows, refused
}
