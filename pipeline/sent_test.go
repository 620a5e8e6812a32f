package pipeline_test

import (
	"encoding/json"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"sluice/pipeline"
)

// What is sent after what was sent before is what a map of both would hold, as JSON is that of a map.
func TestSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "ab", "é", ""}), rapid.SampledFrom([]string{"", "1", "2"}))
		before, next := values.Draw(t, "before"), values.Draw(t, "next")
		all := maps.Clone(before)
		maps.Copy(all, next)
		first, second := pipeline.SentOf(before), pipeline.SentOf(next)
		got := first.With(second)
		if want := pipeline.SentOf(all); !got.Equal(want) {
			t.Fatalf("%v with %v is %v, want %v", before, next, got, want)
		}
		if !first.Equal(pipeline.SentOf(before)) || !second.Equal(pipeline.SentOf(next)) {
			t.Fatalf("%v and %v have become %v and %v", before, next, first, second)
		}
		for _, name := range []string{"a", "b", "ab", "é", "", "c"} {
			value, sent := got.Value(name)
			if want, ok := all[name]; value != want || sent != ok {
				t.Fatalf("%q of %v is %q, %v, want %q, %v", name, got, value, sent, want, ok)
			}
		}
		plain, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(all)
		if err != nil || string(plain) != string(want) {
			t.Fatalf("%s, %v, want %s", plain, err, want)
		}
		var back pipeline.Sent
		if err := json.Unmarshal(plain, &back); err != nil || !back.Equal(got) {
			t.Fatalf("%s is %v, %v, want %v", plain, back, err, got)
		}
	})
	if plain, err := json.Marshal(pipeline.Sent(nil)); err != nil || string(plain) != "null" {
		t.Errorf("nothing is %s, %v, want null", plain, err)
	}
}
