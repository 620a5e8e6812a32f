package state

import (
	"encoding/json"
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
			list[i] = tried[i]
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

// A row says all that is known, and leaves out what isn't.
func TestEncodeLedger(t *testing.T) {
	for _, tc := range []struct {
		row  ledgerRow
		want string
	}{
		{ledgerRow{Key: "k"}, `[{"key":"k","version":0,"record_id":"","merged_from":"","matched":"","held":false,"made":false}]`},
		{ledgerRow{Key: `"`, Version: -1, Hash: `\x01`, Rejected: `\x02`, ID: "7", Held: true, Links: `[]`, Merged: "6", Match: "m",
			Sent: pipeline.Sent{"b": "", "a": "<\n"}, Tried: []pipeline.Sent{{"c": "é"}, {}}, Made: true, Answered: true, Request: "r"},
			`[{"key":"\"","version":-1,"record_id":"7","merged_from":"6","matched":"m","held":true,"made":true,"hash":"\\x01","rejected":"\\x02","links":[],` +
				`"sent":{"a":"<\u000a","b":""},"tried":[{"c":"é"},{}],"request":"r","answer":""}]`},
	} {
		if got := encodeLedger([]ledgerRow{tc.row}); got != tc.want || !json.Valid([]byte(got)) {
			t.Errorf("%s, want %s", got, tc.want)
		}
	}
	if got := encodeLedger(make([]ledgerRow, 2)); !json.Valid([]byte(got)) {
		t.Errorf("%s is no JSON", got)
	}
}
