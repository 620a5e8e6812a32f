package hubspot

import (
	"fmt"
	"testing"

	"sluice/pipeline"
)

// BenchmarkPrepare measures what it costs to make the values of a hundred rows ready: texts are passed on as they are.
func BenchmarkPrepare(b *testing.B) {
	s := contacts(&portal{}, modeUpsert, "ext", "ext", "name", "amount", "day", "city")
	s.props[2].kind, s.props[3].kind = kindNumber, kindDate
	rows := make([]pipeline.Change, 100)
	values := make([][5]pipeline.Value, len(rows))
	for i := range rows {
		rows[i] = pipeline.Change{Key: fmt.Sprint(i), TraceID: fmt.Sprint("t", i)}
		values[i] = [5]pipeline.Value{pipeline.StringValue(fmt.Sprint("E-", i)), pipeline.StringValue("Ann"),
			pipeline.FloatValue(float64(i) / 8), pipeline.DateValue(int64(i)), pipeline.StringValue("Oslo")}
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range rows {
			fresh := values[i]
			rows[i].Values = fresh[:]
		}
		if outcomes, err := s.Prepare(b.Context(), rows); err != nil || len(outcomes) > 0 {
			b.Fatal(outcomes, err)
		}
	}
}
