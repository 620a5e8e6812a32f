package hubspottest

import (
	"fmt"
	"slices"
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

// Section 13, Objects: upsert by unique properties only (7).
func TestUpsertKeys(t *testing.T) {
	p := open(t, Options{})
	for _, c := range []struct{ object, key, id, more string }{
		{"contacts", "email", "u@x.io", ""}, {"contacts", "ext_id", "E-9", `"lastname":"x"`}, {"products", "hs_sku", "S-1", `"name":"x"`},
		{"line_items", "hs_external_id", "L-1", ""}, {"tickets", "hs_external_object_ids", "T-1", `"subject":"x","hs_pipeline":"0","hs_pipeline_stage":"1"`},
	} {
		path := "/crm/objects/2026-03/" + c.object + "/batch/upsert"
		body := inputs(fmt.Sprintf(`"idProperty":%q,"id":%q,"properties":{%s}`, c.key, c.id, c.more))
		for _, fresh := range []bool{true, false} {
			a := p.post(path, body).want(t, 200)
			equal(t, c.object+" new", *a.Results[0].New, fresh)
			equal(t, c.object+" key", *a.Results[0].Properties[c.key], c.id)
		}
	}
	for _, c := range [][2]string{{"companies", "domain"}, {"companies", "name"}, {"deals", "dealname"}, {"contacts", "phone"}, {"contacts", "hs_object_id"}, {"contacts", ""}} {
		a := p.post("/crm/objects/2026-03/"+c[0]+"/batch/upsert", inputs(fmt.Sprintf(`"idProperty":%q,"id":"1","objectWriteTraceId":"1"`, c[1]))).want(t, 400)
		if !strings.HasPrefix(a.Message, "Unable to perform update/upsert by non-unique ") {
			t.Error(a.Message)
		}
	}
}

// Section 13, Objects: duplicates after folding fail the whole upsert in both modes, with the body of 5.6.
func TestUpsertDuplicates(t *testing.T) {
	p := open(t, Options{})
	for _, traces := range []bool{false, true} {
		body := inputs(`"objectWriteTraceId":"1","idProperty":"ext_id","id":"E-1001","properties":{"lastname":"x"}`,
			`"objectWriteTraceId":"2","idProperty":"ext_id","id":" e-1001","properties":{"lastname":"x"}`)
		if !traces {
			body = strings.ReplaceAll(body, "objectWriteTraceId", "x")
		}
		a := p.post(contactsBatch+"upsert", body).want(t, 400)
		equal(t, "message", a.Message, "Duplicate IDs found in batch input: [e-1001]. IDs must be unique")
		equal(t, "ids", a.Context["ids"], []string{"e-1001"})
	}
	equal(t, "stored", p.Count("contacts"), 0)
	id := p.contact(`"email":"a@x.io"`)
	p.post(contactsBatch+"update", inputs(`"id":"`+id+`"`, `"id":"`+id+`"`)).want(t, 400)
}

// Section 13, Objects: emails come back in lower case, a secondary address finds its owner, results are shuffled.
func TestUpsertAnswers(t *testing.T) {
	p := open(t, Options{Seed: 5})
	a, b := p.contact(`"email":"a@x.io"`), p.contact(`"email":"b@x.io"`)
	p.post("/crm/objects/2026-03/contacts/merge", fmt.Sprintf(`{"primaryObjectId":%q,"objectIdToMerge":%q}`, a, b)).want(t, 200)
	r := p.post(contactsBatch+"upsert", inputs(`"idProperty":"email","id":"B@x.io","properties":{"city":"Oslo","email":"b@x.io"}`)).want(t, 200).Results[0]
	equal(t, "owner", r.ID, a)
	equal(t, "primary email", *r.Properties["email"], "a@x.io")
	var list []string
	for i := range 20 {
		list = append(list, fmt.Sprintf(`"objectWriteTraceId":"%02d","idProperty":"email","id":"U%d@X.io"`, i, i))
	}
	res := p.post(contactsBatch+"upsert", inputs(list...)).want(t, 200)
	var order []string
	for _, r := range res.Results {
		order = append(order, r.Trace)
		equal(t, "email", *r.Properties["email"], fmt.Sprintf("u%d@x.io", atoi(r.Trace)))
	}
	if slices.IsSorted(order) {
		t.Error("results come in input order")
	}
	p.SetSwitches(Switches{InputOrder: true, NoTraceEcho: true})
	res = p.post(contactsBatch+"upsert", inputs(list...)).want(t, 200)
	equal(t, "in order", *res.Results[7].Properties["email"], "u7@x.io")
	equal(t, "no echo", strings.Contains(res.Raw, "objectWriteTraceId"), false)
	p.SetSwitches(Switches{EmailUpsertBlanks: true})
	p.post(contactsBatch+"upsert", inputs(`"idProperty":"email","id":"a@x.io","properties":{"country":"NO"}`)).want(t, 200)
	rec := must(p.Record("contacts", a))
	equal(t, "blanked", rec.Properties["city"]+rec.Properties["country"]+rec.Properties["email"], "NOa@x.io")
}

// Section 7: a second unique property that another record holds is an item, or the whole batch without trace ids.
func TestUpsertSecondUnique(t *testing.T) {
	p := open(t, Options{})
	p.contact(`"email":"a@x.io","ext_id":"A"`)
	body := inputs(`"objectWriteTraceId":"1","idProperty":"ext_id","id":"B","properties":{"email":"a@x.io"}`,
		`"objectWriteTraceId":"2","idProperty":"ext_id","id":"C","properties":{"email":"c@x.io"}`)
	p.post(contactsBatch+"upsert", strings.ReplaceAll(body, "objectWriteTraceId", "x")).want(t, 409)
	a := p.post(contactsBatch+"upsert", body).want(t, 207)
	equal(t, "good", a.traces(), []string{"2"})
	p.post(contactsBatch+"upsert", inputs(`"objectWriteTraceId":"1","idProperty":"ext_id","id":" "`)).want(t, 207)
}

// Section 13, Objects: an update of unknown ids in its four reported ways (5.3), and of a merged-away id.
func TestUpdateMissing(t *testing.T) {
	for _, mode := range []string{"a", "b", "c", "d"} {
		p := open(t, Options{Switches: Switches{UpdateMissing: mode}})
		id := p.contact(`"email":"a@x.io"`)
		archived := p.contact(`"email":"b@x.io"`)
		p.send("DELETE", "/crm/objects/2026-03/contacts/"+archived, "").want(t, 204)
		a := p.post(contactsBatch+"update", inputs(`"objectWriteTraceId":"1","id":"`+id+`","properties":{"city":"Oslo"}`,
			`"objectWriteTraceId":"2","id":"99999","properties":{"city":"Oslo"}`, `"objectWriteTraceId":"3","id":"`+archived+`","properties":{"city":"Oslo"}`)).want(t, 207)
		equal(t, mode+" updated", must(p.Record("contacts", id)).Properties["city"], map[bool]string{true: "", false: "Oslo"}[mode == "c"])
		equal(t, mode+" results", len(a.Results), map[bool]int{true: 0, false: 1}[mode == "c"])
		if mode == "d" {
			equal(t, "d errors", len(a.Errors), 0)
			continue
		}
		equal(t, mode+" category", a.Errors[0].Category, "OBJECT_NOT_FOUND")
		equal(t, mode+" ids", a.Errors[0].Context["ids"], []string{"99999", archived})
		equal(t, mode+" traces", len(a.Errors[0].Context["objectWriteTraceId"]), map[bool]int{true: 2}[mode == "b"])
	}
	for mode, results := range map[string]int{"omit": 0, "missing": 0, "follow": 1} {
		p := open(t, Options{Switches: Switches{UpdateMerged: mode}})
		a, b := p.contact(`"email":"a@x.io"`), p.contact(`"email":"b@x.io"`)
		p.post("/crm/objects/2026-03/contacts/merge", fmt.Sprintf(`{"primaryObjectId":%q,"objectIdToMerge":%q}`, a, b)).want(t, 200)
		res := p.post(contactsBatch+"update", inputs(`"id":"`+b+`","properties":{"city":"x"}`))
		equal(t, mode, len(res.Results), results)
		equal(t, mode+" errors", len(res.Errors), map[string]int{"missing": 1}[mode])
		equal(t, mode+" status", res.HTTP, map[bool]int{true: 207, false: 200}[mode == "missing"])
	}
}

// Section 5.3: the whole update fails, as a 404 that names the unknown ids.
func TestUpdateMissingWhole(t *testing.T) {
	p := open(t, Options{Switches: Switches{UpdateMissing: "e"}})
	id := p.contact(`"email":"a@x.io"`)
	a := p.post(contactsBatch+"update", inputs(`"objectWriteTraceId":"1","id":"`+id+`","properties":{"city":"Oslo"}`, `"objectWriteTraceId":"2","id":"99999"`)).want(t, 404)
	equal(t, "category", a.Category, "OBJECT_NOT_FOUND")
	equal(t, "ids", a.Context["ids"], []string{"99999"})
	equal(t, "city", must(p.Record("contacts", id)).Properties["city"], "")
}

// Section 11.3: an update that leads to the survivor is answered under the survivor's id, with the trace id it was sent with.
func TestUpdateMergedEcho(t *testing.T) {
	for _, switches := range []Switches{{UpdateMerged: "follow"}, {UpdateMerged: "follow", NoTraceEcho: true}, {UpdateMerged: "follow", MergeNewID: true}} {
		p := open(t, Options{Switches: switches})
		a, b := p.contact(`"email":"a@x.io"`), p.contact(`"email":"b@x.io"`)
		survivor := p.post("/_admin/records", fmt.Sprintf(`{"action":"merge","object":"contacts","id":%q,"other":%q}`, a, b)).want(t, 200).answered.ID
		res := p.post(contactsBatch+"update", inputs(`"objectWriteTraceId":"1","id":"`+b+`","properties":{"city":"x"}`)).want(t, 200)
		equal(t, "id", res.Results[0].ID, survivor)
		equal(t, "survivor", survivor != a, switches.MergeNewID)
		equal(t, "echo", res.traces(), []string{map[bool]string{false: "1"}[switches.NoTraceEcho]})
		equal(t, "written", must(p.Record("contacts", survivor)).Properties["city"], "x")
	}
}

// Section 7: update by idProperty works for custom unique properties, and not by email.
func TestUpdateByKey(t *testing.T) {
	p := open(t, Options{})
	p.contact(`"email":"a@x.io","ext_id":"E-1"`)
	p.post(contactsBatch+"update", inputs(`"id":"e-1","idProperty":"ext_id","properties":{"city":"Oslo"}`)).want(t, 200)
	p.post(contactsBatch+"update", inputs(`"id":"a@x.io","idProperty":"email"`)).want(t, 400)
	p.post(contactsBatch+"update", inputs(`"id":"1","idProperty":"hs_object_id"`)).want(t, 400)
	bad := inputs(`"objectWriteTraceId":"1","id":"E-1","idProperty":"ext_id","properties":{"city":"Moss","no":"x"}`)
	p.post(contactsBatch+"update", bad).want(t, 207)
	p.SetSwitches(Switches{UpdateByEmail: true, UpdateInvalidWhole: true})
	p.post(contactsBatch+"update", inputs(`"id":"a@x.io","idProperty":"email"`)).want(t, 200)
	p.post(contactsBatch+"update", bad).want(t, 400)
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
