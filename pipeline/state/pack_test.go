package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/pipeline"
)

func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []pipeline.Intent
		for range rapid.IntRange(0, 3).Draw(t, "intents") {
			text := func(name string) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, name)) }
			list = append(list, pipeline.Intent{Key: text("key"), Version: rapid.Int64().Draw(t, "version"), Hash: hash(rapid.Byte().Draw(t, "hash")),
				Action: pipeline.Action(rapid.Int32().Draw(t, "action")), TraceID: text("trace"), ID: text("id"), Match: text("match"), Sent: pipeline.SentOf(map[string]string{text("a"): text("b"), text("c"): ""})})
		}
		packed := pack(list)
		got, err := unpack(packed)
		if diff := cmp.Diff(list, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		// Damage is an error, never a panic: cut short, or with something behind.
		if _, err := unpack(packed[:rapid.IntRange(0, len(packed)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("intents that were cut short are fine")
		}
		if _, err := unpack(append(packed, 0)); err == nil {
			t.Fatal("intents with something behind them are fine")
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack([]pipeline.Intent{{Key: "k", Version: 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := unpack(b); err == nil {
			equal(t, "packed again", len(pack(list)) <= len(b), true)
		}
	})
}
