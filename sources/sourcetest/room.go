package sourcetest

import (
	"testing"

	"sluice/pipeline"
)

// checkRoom: a source that makes room for what is appended to its rows makes enough of it, and room of each row's own.
func checkRoom(t testing.TB, open openFunc) {
	const more = 3
	src, done := start(t, open)
	defer done()
	roomy, ok := src.(pipeline.Roomy)
	if !ok {
		return
	}
	want, width := readAll(t, src, nil), len(src.Schema().Fields)
	roomy.Room(width + more)
	var got reading
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		for _, row := range b.Rows {
			if have := cap(row.Values) - len(row.Values); have < more {
				t.Fatalf("%s: there is room for %d more values, want %d", row.Place, have, more)
			}
			for i, more := 0, row.Values[len(row.Values):cap(row.Values)]; i < len(more); i++ {
				more[i] = pipeline.StringValue("appended to " + row.Place.String())
			}
		}
		got.add(b)
	}
	same(t, "rows read with something appended to each", want.rows, got.rows)
}
