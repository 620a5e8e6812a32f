package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
)

// parts takes a key of n parts apart again: what tells that nothing was lost in joining them.
func parts(key string, n int) []string {
	if n == 1 {
		return []string{key}
	}
	var list []string
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		switch {
		case key[i] == '\\' && i+1 < len(key):
			i++
			b.WriteByte(key[i])
		case key[i] == '|':
			list = append(list, b.String())
			b.Reset()
		default:
			b.WriteByte(key[i])
		}
	}
	return append(list, b.String())
}

// FuzzKey proves that the columns of a key can be had back from it, so that no two rows share one; and that it is the
// same each time, and none where a column is empty.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"a", "a\x00b", "a|\x00\\b", "\\\x00\\|", "\xff\x00\u00e9", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		texts := strings.Split(joined, "\x00")
		key, ok := pipeline.Key(texts...)
		if again, _ := pipeline.Key(texts...); again != key {
			t.Errorf("%q has the keys %q and %q", texts, key, again)
		}
		values := make([]pipeline.Value, len(texts))
		for i, text := range texts {
			values[i] = pipeline.StringValue(text)
		}
		if appended, same := pipeline.AppendKey([]byte("before"), values); same != ok || ok && string(appended) != "before"+key {
			t.Errorf("the key of %q is %q, but of the values %q, %t", texts, key, appended, same)
		}
		if ok != !slices.Contains(texts, "") || !ok && key != "" {
			t.Fatalf("Key(%q) = %q, %t", texts, key, ok)
		}
		if ok && !slices.Equal(parts(key, len(texts)), texts) {
			t.Errorf("the key of %q is %q, which is of %q", texts, key, parts(key, len(texts)))
		}
	})
}
