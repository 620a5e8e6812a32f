package crm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The shapes of API.md 4, as encoding/json writes them.
type inputJSON struct {
	TraceID      string            `json:"objectWriteTraceId,omitempty"`
	ID           string            `json:"id,omitempty"`
	IDProperty   string            `json:"idProperty,omitempty"`
	Properties   map[string]string `json:"properties"`
	Associations []inlineJSON      `json:"associations,omitempty"`
}

type inlineJSON struct {
	To    map[string]string `json:"to"`
	Types []AssociationType `json:"types"`
}

func marshal(t interface{ Fatal(...any) }, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (in *Input) json() inputJSON {
	j := inputJSON{TraceID: in.TraceID, ID: in.ID, IDProperty: in.IDProperty, Properties: map[string]string{}}
	for _, p := range in.Properties {
		j.Properties[p.Name] = p.Value
	}
	for _, a := range in.Associations {
		j.Associations = append(j.Associations, inlineJSON{map[string]string{"id": a.ToID}, a.Types})
	}
	return j
}

var anyText = rapid.OneOf(
	rapid.String(),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	rapid.SampledFrom([]string{"", "\u2028\u2029", "\xff\xfe", "a\x00b", "\"\\/<>&\b\f\n\r\t\x7f", "\ufffd", "héé🙂", "\xed\xa0\x80"}),
)

func anyInput() *rapid.Generator[Input] {
	return rapid.Custom(func(t *rapid.T) Input {
		in := Input{TraceID: anyText.Draw(t, "trace"), ID: anyText.Draw(t, "id"), IDProperty: anyText.Draw(t, "property")}
		for i := range rapid.IntRange(0, 4).Draw(t, "properties") { // names in order, as a map is written
			in.Properties = append(in.Properties, Property{fmt.Sprint("p", i), anyText.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "associations") {
			in.Associations = append(in.Associations, InlineAssociation{
				ToID: anyText.Draw(t, "to"), Types: []AssociationType{{anyText.Draw(t, "category"), rapid.Int().Draw(t, "type")}},
			})
		}
		return in
	})
}

// Bodies are byte for byte what encoding/json writes, as long as Size says, and not longer than Most.
func TestEncodeAsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.SliceOfN(anyInput(), 1, 3).Draw(t, "inputs")
		want := struct {
			Inputs []inputJSON `json:"inputs"`
		}{}
		size := len(inputsStart) + len(inputsEnd) - len(",")
		for i := range inputs {
			want.Inputs = append(want.Inputs, inputs[i].json())
			size += inputs[i].Size()
			if most := inputs[i].Most(); inputs[i].Size() > most {
				t.Fatalf("Size is %d, but Most says %d", inputs[i].Size(), most)
			}
		}
		got := encodeInputs(inputs)
		if !bytes.Equal(got, marshal(t, want)) {
			t.Fatalf("encoded\n%s\nwant\n%s", got, marshal(t, want))
		}
		if len(got) != size {
			t.Fatalf("%d bytes, but Size says %d", len(got), size)
		}
	})
}

// The bodies of reads, archives and associations have the shapes of API.md 4 and 10.2.
func TestBodies(t *testing.T) {
	links := []Association{{Pair{"501", "77"}, []AssociationType{{"HUBSPOT_DEFINED", 279}}}}
	for _, tc := range []struct{ got, want string }{
		{string(encodeRead("ext_id", []string{"email", "ext_id"}, []string{"E-1", "E\"2"})),
			`{"properties":["email","ext_id"],"idProperty":"ext_id","inputs":[{"id":"E-1"},{"id":"E\"2"}]}`},
		{string(encodeRead("", nil, []string{"1"})), `{"properties":[],"inputs":[{"id":"1"}]}`},
		{string(encodeIDs([]string{"1", "2"})), `{"inputs":[{"id":"1"},{"id":"2"}]}`},
		{string(encodeLinks(links, true)),
			`{"inputs":[{"from":{"id":"501"},"to":{"id":"77"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}`},
		{string(encodeLinks(links, false)), `{"inputs":[{"from":{"id":"501"},"to":{"id":"77"}}]}`},
		{string(encodeUnlinks([]Pair{{"501", "77"}, {"502", "9"}, {"501", "78"}})),
			`{"inputs":[{"from":{"id":"501"},"to":[{"id":"77"},{"id":"78"}]},{"from":{"id":"502"},"to":[{"id":"9"}]}]}`},
		{string(encodePages([]page{{"501", ""}, {"502", "NTA="}})), `{"inputs":[{"id":"501"},{"id":"502","after":"NTA="}]}`},
	} {
		if tc.got != tc.want {
			t.Errorf("encoded %s\nwant    %s", tc.got, tc.want)
		}
	}
}

// sample is a batch as the performance targets have it: 100 records of 16 properties, about 55 kB.
func sample() []Input {
	inputs := make([]Input, 100)
	for i := range inputs {
		in := Input{TraceID: fmt.Sprintf("r7-%06d", i), ID: fmt.Sprintf("E-%06d", i), IDProperty: "ext_id"}
		for p := range 16 {
			in.Properties = append(in.Properties, Property{fmt.Sprintf("property_%02d", p), fmt.Sprintf("value %d of record %d", p, i)})
		}
		inputs[i] = in
	}
	return inputs
}

// BenchmarkEncode compares the encoder with encoding/json on maps (T7: at least 5 times faster).
func BenchmarkEncode(b *testing.B) {
	inputs := sample()
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.SetBytes(int64(len(encodeInputs(inputs))))
		}
	})
	b.Run("encoding_json_maps", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			body, err := marshalMaps(inputs)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
		}
	})
}

// marshalMaps encodes a batch in the usual way.
func marshalMaps(inputs []Input) ([]byte, error) {
	all := make([]map[string]any, len(inputs))
	for i, in := range inputs {
		properties := make(map[string]string, len(in.Properties))
		for _, p := range in.Properties {
			properties[p.Name] = p.Value
		}
		all[i] = map[string]any{"objectWriteTraceId": in.TraceID, "id": in.ID, "idProperty": in.IDProperty, "properties": properties}
	}
	return json.Marshal(map[string]any{"inputs": all})
}
