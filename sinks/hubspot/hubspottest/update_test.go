package hubspottest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

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
