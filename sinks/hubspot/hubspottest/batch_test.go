package hubspottest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const goodAndBad = `{"inputs":[
	{"objectWriteTraceId":"1","properties":{"email":"a@x.io"}},
	{"objectWriteTraceId":"2","properties":{"email":"b@x.io","blarg":"x"}},
	{"objectWriteTraceId":"3","properties":{"email":"c@x.io"}}]}`

// Section 13, Objects: with a trace id of its own on every input the good are stored and the bad are named; otherwise
// the first bad input fails all (5.2).
func TestPartialMode(t *testing.T) {
	without := strings.NewReplacer(`"objectWriteTraceId":"1",`, "", `"objectWriteTraceId":"2",`, "", `"objectWriteTraceId":"3",`, "").Replace(goodAndBad)
	for _, c := range []struct {
		name, body string
		sw         Switches
		status     int
		stored     int
	}{
		{"none", without, Switches{}, 400, 0},
		{"all", goodAndBad, Switches{}, 207, 2},
		{"one missing", strings.Replace(goodAndBad, `"objectWriteTraceId":"3",`, "", 1), Switches{}, 400, 0},
		{"repeated", strings.Replace(goodAndBad, `"3"`, `"1"`, 1), Switches{}, 400, 0},
		{"one missing, loose", strings.Replace(goodAndBad, `"objectWriteTraceId":"3",`, "", 1), Switches{LooseTraceIDs: true}, 207, 2},
		{"none, loose", without, Switches{LooseTraceIDs: true}, 400, 0},
		{"none, not atomic", without, Switches{NotAtomic: true}, 400, 1},
		{"all good", strings.Replace(goodAndBad, `,"blarg":"x"`, "", 1), Switches{}, 201, 3},
		{"all good, 207", strings.Replace(goodAndBad, `,"blarg":"x"`, "", 1), Switches{All207: true}, 207, 3},
	} {
		p := open(t, Options{Switches: c.sw})
		a := p.post(contactsBatch+"create", c.body)
		if a.HTTP != c.status || p.Count("contacts") != c.stored {
			t.Errorf("%s: status %d, stored %d, want %d and %d: %s", c.name, a.HTTP, p.Count("contacts"), c.status, c.stored, a.Raw)
		}
		if c.name == "all" {
			equal(t, "traces", a.traces(), []string{"1", "3"})
			equal(t, "bad", a.Errors[0].Context["objectWriteTraceId"], []string{"2"})
			equal(t, "errors", a.NumErrors, 1)
		}
	}
}

// Section 13, Objects: equal errors in one item, and errors that name nobody (5.4).
func TestErrorItems(t *testing.T) {
	body := inputs(`"objectWriteTraceId":"1","properties":{"email":"a@x.io","no":"x"}`, `"objectWriteTraceId":"2","properties":{"email":"b@x.io","no":"x"}`)
	for _, c := range []struct {
		sw   Switches
		want string
	}{
		{Switches{}, "[[1] [2]]"}, {Switches{GroupErrors: true}, "[[1 2]]"}, {Switches{UntraceableErrors: true}, "[[] []]"},
	} {
		p := open(t, Options{Switches: c.sw})
		var got [][]string
		for _, e := range p.post(contactsBatch+"create", body).want(t, 207).Errors {
			got = append(got, e.Context["objectWriteTraceId"])
		}
		equal(t, "traces", fmt.Sprint(got), c.want)
	}
}

// Section 13, Objects: unique values are checked against live records, folded, and within the batch (6.3).
func TestCreateConflicts(t *testing.T) {
	p := open(t, Options{})
	id := p.contact(`"email":"a@x.io","ext_id":"E-1"`)
	a := p.post(contactsBatch+"create", inputs(`"properties":{"email":"A@x.io"}`)).want(t, 409)
	equal(t, "message", a.Message, "Contact already exists. Existing ID: "+id)
	equal(t, "category", a.Category, "CONFLICT")
	a = p.post(contactsBatch+"create", inputs(`"properties":{"email":"n@x.io"}`, `"properties":{"email":"A@x.io"}`)).want(t, 409)
	equal(t, "context of a whole conflict", len(a.Context), 0)
	a = p.post(contactsBatch+"create", inputs(`"objectWriteTraceId":"1","properties":{"email":"A@x.io"}`, `"objectWriteTraceId":"2","properties":{"email":"n@x.io"}`)).want(t, 207)
	equal(t, "existing id", a.Errors[0].Context["existingId"], []string{id})
	a = p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","ext_id":"e-1"}`)).want(t, 400)
	if !strings.Contains(a.Message, "propertyName=ext_id, value=e-1}") || !strings.HasSuffix(a.Message, id+" already has that value.") {
		t.Error(a.Message)
	}
	twice := inputs(`"objectWriteTraceId":"1","properties":{"email":"t@x.io"}`, `"objectWriteTraceId":"2","properties":{"email":"T@x.io"}`)
	p.SetSwitches(Switches{DuplicateCreate: "whole"})
	p.post(contactsBatch+"create", twice).want(t, 400)
	p.SetSwitches(Switches{})
	a = p.post(contactsBatch+"create", twice).want(t, 207)
	equal(t, "message", a.Errors[0].Message, "Contact already exists")
	p.post(contactsBatch+"create", strings.ReplaceAll(twice, "objectWriteTraceId", "x")).want(t, 409)
	p.SetSwitches(Switches{UntrimmedKeys: true})
	p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","ext_id":" E-1"}`)).want(t, 201)
	p.SetSwitches(Switches{CaseSensitiveKeys: true})
	p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","ext_id":"E-2"}`)).want(t, 201)
	p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","ext_id":"e-2"}`)).want(t, 201)
	p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","ext_id":"e-2"}`)).want(t, 400)
}

// Section 13, Objects: whether an archived record keeps its unique value (16.7).
func TestArchivedKeys(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		p := open(t, Options{Switches: Switches{ArchivedBlocksKey: blocks}})
		id := p.contact(`"email":"a@x.io","ext_id":"E-1"`)
		p.post(contactsBatch+"archive", inputs(`"id":"`+id+`"`)).want(t, 204)
		a := p.post(contactsBatch+"upsert", inputs(`"objectWriteTraceId":"1","idProperty":"ext_id","id":"E-1","properties":{"lastname":"x"}`))
		a.want(t, map[bool]int{false: 200, true: 207}[blocks])
		equal(t, "live", p.Count("contacts"), map[bool]int{false: 1, true: 0}[blocks])
	}
}

// Section 13, Objects: reads name what is missing, follow merges, and see archived records only when asked.
func TestBatchRead(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"email":"a@x.io","ext_id":"E-1"`), p.contact(`"email":"b@x.io"`)
	read := func(more string, ids ...string) answer {
		for i := range ids {
			ids[i] = `{"id":"` + ids[i] + `"}`
		}
		return p.post(contactsBatch+"read"+more, `{"properties":["email"],"inputs":[`+strings.Join(ids, ",")+`]}`)
	}
	res := read("", a, "901", "abc", b, a).want(t, 207)
	equal(t, "found", len(res.Results), 2)
	equal(t, "missing", res.Errors[0].Context["ids"], []string{"901", "abc"})
	equal(t, "message", res.Errors[0].Message, "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.")
	p.send("DELETE", "/crm/objects/2026-03/contacts/"+b, "").want(t, 204)
	read("", b).want(t, 207)
	equal(t, "archived", read("?archived=true", b).want(t, 200).Results[0].Archived, true)
	read("?archived=true", a).want(t, 207)
	byKey := `{"idProperty":"ext_id","properties":["ext_id"],"inputs":[{"id":"e-1"},{"id":"E-2"}]}`
	equal(t, "by key", p.post(contactsBatch+"read", byKey).want(t, 207).Errors[0].Context["ids"], []string{"E-2"})
	p.SetSwitches(Switches{MissingCoordinates: true})
	res = p.post(contactsBatch+"read", byKey).want(t, 207)
	if list := res.Errors[0].Context["missingObjectPropertyValueCoordinates"]; len(list) != 1 || !strings.HasSuffix(list[0], "ext_id:E-2") {
		t.Error(res.Raw)
	}
	p.post(contactsBatch+"read", `{"idProperty":"city","inputs":[{"id":"x"}]}`).want(t, 400)
	p.SetSwitches(Switches{ReadLag: time.Second})
	p.post(contactsBatch+"read", byKey).want(t, 207)
	p.now = p.now.Add(time.Second)
	equal(t, "after the lag", len(p.post(contactsBatch+"read", byKey).Results), 1)
}

// Section 13, Objects: 101 inputs, 51 with history, and archive that always answers 204.
func TestBatchBounds(t *testing.T) {
	p := open(t, Options{})
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"id":"%d","idProperty":"ext_id","properties":{"lastname":"x"}`, i))
		}
		return inputs(list...)
	}
	for _, verb := range []string{"create", "update", "upsert", "read", "archive"} {
		p.post(contactsBatch+verb, many(101)).want(t, 400)
	}
	equal(t, "stored", p.Count("contacts"), 0)
	p.post(contactsBatch+"upsert", many(100)).want(t, 200)
	p.post(contactsBatch+"archive", many(100)).want(t, 204)
	history := strings.Replace(many(51), "{", `{"propertiesWithHistory":["city"],`, 1)
	a := p.post(contactsBatch+"read", history).want(t, 400)
	if !strings.HasPrefix(a.Message, "The maximum number of inputs supported in a batch request for property histories is 50") {
		t.Error(a.Message)
	}
	p.SetSwitches(Switches{MaxBody: 100})
	p.post(contactsBatch+"read", many(50)).want(t, 413)
}

// Section 13, Objects: the same trace id in two requests makes two records: it isn't an idempotency key (5.1).
func TestTraceIDIsNoKey(t *testing.T) {
	p := open(t, Options{BusinessKeys: map[string]string{"contacts": "city"}})
	for range 2 {
		p.post(contactsBatch+"create", inputs(`"objectWriteTraceId":"same","properties":{"lastname":"x","city":"Oslo"}`)).want(t, 201)
	}
	equal(t, "records", p.Count("contacts"), 2)
	equal(t, "duplicates", len(p.Duplicates("contacts", "city")["oslo"]), 2)
	equal(t, "counted", p.Stats().Duplicates["contacts"], 1)
}

// Section 8.4: createdate may be set on creation of contacts, not later.
func TestCreateDate(t *testing.T) {
	p := open(t, Options{})
	id := p.contact(`"lastname":"x","createdate":"2020-01-01T00:00:00Z"`)
	equal(t, "createdate", must(p.Record("contacts", id)).Properties["createdate"], "2020-01-01T00:00:00.000Z")
	p.send("PATCH", "/crm/objects/2026-03/contacts/"+id, `{"properties":{"createdate":"2021-01-01T00:00:00Z"}}`).want(t, 400)
}
