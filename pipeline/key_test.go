package pipeline_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/pipeline"
)

// TestKey proves how keys are spelled, because the state holds them, and that a part that is missing makes none.
func TestKey(t *testing.T) {
	for _, test := range []struct {
		texts []string
		want  string
	}{
		{[]string{`a|b\c`}, `a|b\c`},
		{[]string{"a", "b"}, "a|b"},
		{[]string{`a|`, `\b`, " "}, `a\||\\b| `},
		{[]string{""}, ""},
		{[]string{"a", ""}, ""},
		{nil, ""},
	} {
		if got, ok := pipeline.Key(test.texts...); got != test.want || ok != (test.want != "") {
			t.Errorf("Key(%q) = %q, %t; want %q", test.texts, got, ok, test.want)
		}
	}
}

// TestKeysDiffer proves that no two rows of one pipeline share a key, unless all their key columns are the same.
func TestKeysDiffer(t *testing.T) {
	texts := rapid.SliceOfN(rapid.StringMatching(`[a|\\]{1,3}`), 2, 2)
	rapid.Check(t, func(t *rapid.T) {
		a, b := texts.Draw(t, "a"), texts.Draw(t, "b")
		keyA, _ := pipeline.Key(a...)
		keyB, _ := pipeline.Key(b...)
		if (keyA == keyB) != slices.Equal(a, b) {
			t.Fatalf("%q and %q have the keys %q and %q", a, b, keyA, keyB)
		}
	})
}
