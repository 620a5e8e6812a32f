package crm

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is skipped is looked at as strictly as encoding/json does, wherever in a word of eight bytes something stands.
func TestSkipIsStrict(t *testing.T) {
	values := []string{
		`null`, `nul`, `nulL`, `true`, `tru`, `truer`, `false`, `falsE`, `x`, ``, `-`, `0`, `01`, `-0.5e+3`, `1e`, `1.`, `.5`, `+1`, `1-1`, `1E5`, `1e5e`, `0x1`, `1 1`,
		`[]`, `[1,]`, `[,1]`, `[1 2]`, `[1,[2,[]]]`, `[1`, `]`, `{}`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":{"b":[{}]}}`, `{"a":[}]`, `{"a":1]`, `{1:2}`, `{"a":1`,
	}
	for _, inside := range []string{`\"`, `\\`, `\/`, `\b`, `\u00e9`, `\u00E9`, `\u00g9`, `\u12`, `\x`, `\`, "\x00", "\n", "\x1f", " ", "\x7f", "é", "\xff", `"`, `!`, `#`, `[`, `]`} {
		for n := range 18 {
			values = append(values, `"`+strings.Repeat("a", n)+inside+`b"`, `"`+strings.Repeat("é", n)+inside+`"`)
		}
	}
	for _, value := range values {
		for _, doc := range []string{`{"future":` + value + `}`, `{"results":[{"properties":{"unwanted":` + value + `}}]}`} {
			if got := skimBatch([]byte(doc), map[string]bool{}, new(BatchAnswer)); got != json.Valid([]byte(doc)) {
				t.Errorf("%q is skimmed: %v", doc, got)
			}
		}
	}
}

// No beginning of a document makes the skimmer look beyond its end.
func TestSkimTruncated(t *testing.T) {
	for _, doc := range []string{partial, `{"a\\\"":"b\u00e9\n","c":[{"d":"\\"},[1.5e3,true,null]]}`} {
		for n := range len(doc) {
			if body := []byte(doc[:n]); skimBatch(body[:n:n], nil, new(BatchAnswer)) {
				t.Errorf("%s is skimmed", body)
			}
		}
	}
}
