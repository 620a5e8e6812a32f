package state

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/pipeline"
)

// What is appended by hand says what encoding/json would, whatever is in the texts.
func TestAppendSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[\x00-\x1f\"\\\\a<é\u2028]*"), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		tried := rapid.SliceOf(rapid.MapOf(text, text)).Draw(t, "tried")
		list := make([]pipeline.Sent, len(tried))
		for i := range tried {
			list[i] = pipeline.SentOf(tried[i])
		}
		var got, want []map[string]string
		if err := json.Unmarshal(appendTried(nil, list), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(encode(list)), &want); err != nil {
			t.Fatal(err)
		}
		if a, b := encode(got), encode(want); a != b {
			t.Errorf("%s, want %s", a, b)
		}
	})
}

// Each row gets what is its own, and nothing where there is nothing.
func TestEncodeSent(t *testing.T) {
	rows := []*patched{
		{},
		{Entry: pipeline.Entry{Sent: pipeline.SentOf(map[string]string{"a": "<\n", "b": ""}), Tried: []pipeline.Sent{pipeline.SentOf(map[string]string{"c": "é"}), {}}}},
		{Entry: pipeline.Entry{Tried: []pipeline.Sent{pipeline.SentOf(map[string]string{"d": `"`})}}},
	}
	sent, tried := encodeSent(rows)
	if want := []string{"", `{"a":"<\u000a","b":""}`, ""}; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
	if want := []string{"", `[{"c":"é"},{}]`, `[{"d":"\""}]`}; !slices.Equal(tried, want) {
		t.Errorf("tried %q, want %q", tried, want)
	}
}

// What is taken apart by hand is what encoding/json would read, and what it can't read is left to that.
func TestDecodeSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[\x00-\x1f\"\\\\a<é\u2028{}:, ]*"))
		sent := pipeline.SentOf(rapid.MapOf(text, text).Draw(t, "sent"))
		plain, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(plain), string(appendSent(nil, sent)), " {\n" + string(plain[1:])} {
			if got, err := decodeSent([]byte(form)); err != nil || !got.Equal(sent) {
				t.Errorf("%s is %q, %v, want %q", form, got, err, sent)
			}
		}
	})
	for form, want := range map[string]pipeline.Sent{
		"":                         nil,
		"null":                     nil,
		"{}":                       {},
		`{ "b" : "1" , "a": "2" }`: pipeline.SentOf(map[string]string{"a": "2", "b": "1"}),
		`{"a": "1", "a": "2"}`:     pipeline.SentOf(map[string]string{"a": "2"}),
	} {
		if got, err := decodeSent([]byte(form)); err != nil || !got.Equal(want) || (got == nil) != (want == nil) {
			t.Errorf("%s is %q, %v, want %q", form, got, err, want)
		}
	}
	for _, form := range []string{"{", `{"a"`, `{"a":`, `{"a":1}`, `{"a":"1"`, `{"a":"1"}}`, `{"a":"1",`, `["a"]`, `{"a" "1"}`, "{\"a\":\"\x01\"}"} {
		if got, err := decodeSent([]byte(form)); err == nil {
			t.Errorf("%s is %q, want an error", form, got)
		}
	}
}
