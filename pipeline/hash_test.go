package pipeline

import (
	"fmt"
	"testing"
	"time"

	"sluice/pipeline/internal/digest"
)

// TestHashesStay proves that rows have the hashes that states of earlier versions hold. A change that isn't meant would have
// everybody's next run write all records once more; one that is gives the encoding a new version, and is told of.
func TestHashesStay(t *testing.T) {
	all := []Value{{}, BoolValue(true), IntValue(-7), DecimalValue("12.50"), FloatValue(0.1), StringValue("Zoë"), DateValue(20000),
		TimeValue(time.Date(2026, 11, 30, 12, 0, 0, 123456000, time.UTC)), JSONValue(`{"a":1}`), StringValue("")}
	plain := &Schema{}
	for i, v := range all {
		plain.Fields = append(plain.Fields, Field{Name: fmt.Sprintf("p%d", i), Type: v.typ, Role: Property})
	}
	linked := &Schema{Fields: []Field{
		{Name: "unused", Type: String, Role: Column},
		{Name: "name", Type: String, Role: Property, Clear: true, Shared: true},
		{Name: "boss", Type: Ref, Role: Link, Lookup: &Lookup{Object: "contacts", Property: "email"}},
	}}
	boss := []LinkSpec{{Slot: "contacts boss", FromObject: "companies", ToObject: "contacts", FromField: -1, ToField: 2, LabelField: -1, Label: "Boss"}}
	for name, c := range map[string]struct {
		schema *Schema
		links  []LinkSpec
		values []Value
		want   string
	}{
		"values of each type":      {plain, nil, all, "adf5515af18165564efe9c461c6ef3dc"},
		"a link, and a shared one": {linked, boss, []Value{StringValue("x"), StringValue("Acme"), RefValue("ann@example.com")}, "ee7110c3e008ab4fd0d91ab6f7f78518"},
		"nothing":                  {&Schema{}, nil, nil, "bd3701c4fea05311557ff24597599fe4"},
	} {
		layout := newLayout(c.schema, c.links, nil, false)
		if got := layout.hash(c.values).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if key, content := digest.Key("42"), digest.Content(Hash{1, 2, 3, 4, 5, 6, 7, 8, 9}); key != 0x1217cb28c0ef2190 || content != 0x807060504030201 {
		t.Errorf("in digests: %#x, %#x", key, content)
	}
}
