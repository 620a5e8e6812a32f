package hubspottest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const contactsBatch = "/crm/objects/2026-03/contacts/batch/"

// Section 13, Objects: properties must exist, be writable and pass type checks; section 8.3 names the errors.
func TestPropertyErrors(t *testing.T) {
	p := open(t, Options{})
	for _, c := range []struct{ property, value, code, text string }{
		{"blarg", "x", "PROPERTY_DOESNT_EXIST", `Property "blarg" does not exist`},
		{"hs_object_id", "1", "READ_ONLY_VALUE", `"hs_object_id" is a read only property; its value cannot be set.`},
		{"hs_marketable_status", "true", "READ_ONLY_VALUE", "read only"},
		{"hubspotscore", "1", "READ_ONLY_VALUE", "read only"},
		{"lastmodifieddate", "2026-01-01T00:00:00Z", "READ_ONLY_VALUE", "read only"},
		{"hs_lead_status", "New", "INVALID_OPTION", "New was not one of the allowed options: ["},
		{"email", "no address", "INVALID_EMAIL", "Email address no address is invalid"},
		{"email", "a@b", "INVALID_EMAIL", "is invalid"},
		{"hubspot_owner_id", "7", "INVALID_OWNER_ID", "Owner 7"},
		{"closedate", "soon", "INVALID_LONG", "soon was not a valid long."},
		{"a_number", "1,000", "INVALID_NUMBER", "1,000 was not a valid number."},
		{"a_number", "1e3", "INVALID_NUMBER", "was not a valid number."},
		{"a_number", "NaN", "INVALID_NUMBER", "was not a valid number."},
		{"a_bool", "True", "INVALID_OPTION", "True was not one"},
		{"a_date", "1731668400000", "INVALID_DATE", "1731668400000 is at 11:00:00.000 UTC, not midnight!"},
		{"a_date", "2026-02-30", "INVALID_LONG", "was not a valid long."},
		{"a_choice", "a;x", "INVALID_OPTION", "x was not one of the allowed options"},
		{"city", strings.Repeat("é", 65_537), "VALUE_TOO_LONG", "65536"},
		{"city", `a\u0000b`, "INVALID_STRING", "U+0000"},
	} {
		p.defineTyped()
		a := p.post(contactsBatch+"create", inputs(fmt.Sprintf(`"properties":{"lastname":"x","%s":"%s"}`, c.property, c.value))).want(t, 400)
		if len(a.Errors) != 1 || a.Errors[0].Code != c.code || !strings.Contains(a.Errors[0].Message, c.text) ||
			fmt.Sprint(a.Errors[0].Context["propertyName"]) != "["+c.property+"]" {
			t.Errorf("%s = %.20q: %s", c.property, c.value, a.Raw)
		}
		if !strings.HasPrefix(a.Message, `Property values were not valid: [{"isValid":false,"message":`) || !strings.Contains(a.Message, `"error":"`+c.code+`"`) {
			t.Errorf("%s: message %q", c.property, a.Message)
		}
	}
	equal(t, "writes", len(p.Writes()), 0)
}

// defineTyped adds one property of each type to contacts.
func (p *testPortal) defineTyped() {
	for name, kind := range map[string]string{"a_number": "number", "a_bool": "bool", "a_date": "date", "a_time": "datetime", "a_choice": "enumeration"} {
		field := map[string]string{"number": "number", "bool": "booleancheckbox", "date": "date", "datetime": "date", "enumeration": "checkbox"}[kind]
		options := ""
		if kind == "enumeration" {
			options = `,"options":[{"label":"A","value":"a","displayOrder":0},{"label":"B","value":"b","displayOrder":1},{"label":"C","value":"c","displayOrder":2}]`
		}
		p.post("/crm/properties/2026-09/contacts", fmt.Sprintf(`{"name":%q,"label":"x","type":%q,"fieldType":%q,"groupName":"contactinformation"%s}`, name, kind, field, options))
	}
}

// Section 8.1: what is accepted, and how it is stored. Section 13: "" clears, ;x appends, lifecycle never moves back.
func TestValues(t *testing.T) {
	p := open(t, Options{})
	p.defineTyped()
	id := p.contact(`"email":" A@X.io "`)
	set := func(name, value, want string) {
		t.Helper()
		p.send("PATCH", "/crm/objects/2026-03/contacts/"+id, fmt.Sprintf(`{"properties":{%q:%q}}`, name, value)).want(t, 200)
		r, _ := p.Record("contacts", id)
		equal(t, name, r.Properties[name], want)
	}
	equal(t, "email", must(p.Record("contacts", id)).Properties["email"], "a@x.io")
	set("a_number", "-1234.50", "-1234.50")
	set("a_bool", "false", "false")
	set("a_date", "2026-11-20", "2026-11-20")
	set("a_date", "1763596800000", "2025-11-20")
	set("a_time", "2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00.000Z")
	set("a_time", "1763629200000", "2025-11-20T09:00:00.000Z")
	set("a_time", "1763629200", "1970-01-21T09:53:49.200Z") // seconds, silently
	set("a_choice", "a;b", "a;b")
	set("a_choice", ";c", "a;b;c")
	set("a_choice", ";a", "a;b;c")
	set("a_choice", "c", "c")
	set("hubspot_owner_id", "41629779", "41629779")
	set("city", "Oslo", "Oslo")
	set("city", "", "")
	set("lifecyclestage", "customer", "customer")
	set("lifecyclestage", "lead", "customer")
	set("lifecyclestage", "", "")
	set("lifecyclestage", "lead", "lead")
	if r := must(p.Record("contacts", id)); r.Properties["email"] != "a@x.io" {
		t.Errorf("unsent properties were touched: %v", r.Properties)
	}
	a := p.post(contactsBatch+"update", inputs(`"id":"`+id+`","properties":{"city":17,"a_bool":true}`)).want(t, 200)
	equal(t, "scalars", *a.Results[0].Properties["city"], "17")
	p.post(contactsBatch+"update", inputs(`"id":"`+id+`","properties":{"city":null}`)).want(t, 400)
	p.SetSwitches(Switches{NullProperty: "clear"})
	p.post(contactsBatch+"update", inputs(`"id":"`+id+`","properties":{"city":null}`)).want(t, 200)
	equal(t, "cleared", must(p.Record("contacts", id)).Properties["city"], "")
}

func must[T any](v T, ok bool) T {
	if !ok {
		panic("not found")
	}
	return v
}

// Section 8.2: 2026-09 moves dates to midnight, with a warning.
func TestDateLeniency(t *testing.T) {
	p := open(t, Options{})
	p.defineTyped()
	body := func(v string) string { return inputs(`"properties":{"lastname":"x","a_date":"` + v + `"}`) }
	for v, want := range map[string]string{"1763629200000": "1763596800000", "1763629200": "1763596800000", "2025-11-20T09:00:00Z": "1763596800000"} {
		a := p.post("/crm/objects/2026-09/contacts/batch/create", body(v)).want(t, 201)
		if len(a.Results[0].Warnings) != 1 || a.Results[0].Warnings[0].Context["normalizedValue"] != want {
			t.Errorf("%s: %s", v, a.Raw)
		}
		equal(t, v, *a.Results[0].Properties["a_date"], "2025-11-20")
		p.post(contactsBatch+"create", body(v)).want(t, 400)
	}
	p.SetSwitches(Switches{StrictDates: true})
	p.post("/crm/objects/2026-09/contacts/batch/create", body("1763629200000")).want(t, 400)
}

// Section 3.3: what is required to create a record. Section 8.4: a stage must belong to its pipeline.
func TestRequired(t *testing.T) {
	for _, c := range []struct {
		object, properties string
		sw                 Switches
		status             int
	}{
		{"contacts", `"city":"Oslo"`, Switches{}, 400},
		{"contacts", `"lastname":"x"`, Switches{}, 201},
		{"companies", `"city":"Oslo"`, Switches{}, 400},
		{"companies", `"domain":"x.io"`, Switches{}, 201},
		{"companies", `"city":"Oslo"`, Switches{NoRequired: true}, 201},
		{"deals", `"dealname":"x"`, Switches{}, 400},
		{"deals", `"dealname":"x"`, Switches{LooseDeals: true}, 201},
		{"deals", `"dealname":"x","dealstage":"closedwon","pipeline":"default"`, Switches{}, 201},
		{"deals", `"dealname":"x","dealstage":"nowhere","pipeline":"default"`, Switches{}, 400},
		{"deals", `"dealname":"x","dealstage":"closedwon","pipeline":"nowhere"`, Switches{}, 400},
		{"tickets", `"subject":"x","hs_pipeline":"0","hs_pipeline_stage":"1"`, Switches{}, 201},
		{"notes", `"hs_note_body":"x"`, Switches{}, 400},
		{"notes", `"hs_note_body":"x","hs_timestamp":"2026-11-20T09:00:00Z"`, Switches{}, 201},
		{"leads", `"hs_lead_name":"x"`, Switches{}, 400},
		{"leads", `"hs_lead_name":"x"`, Switches{LooseLeads: true}, 201},
	} {
		p := open(t, Options{Switches: c.sw})
		p.post("/crm/objects/2026-03/"+c.object, `{"properties":{`+c.properties+`}}`).want(t, c.status)
	}
}

// Section 6.4: administrator's rules count in 2026-09 only, as items of a batch with trace ids.
func TestRules(t *testing.T) {
	p := open(t, Options{Rules: []Rule{{Object: "contacts", Property: "firstname"}, {Object: "contacts", Property: "city", If: "country", Equals: "NO"}}})
	body := inputs(`"objectWriteTraceId":"1","properties":{"lastname":"x","country":"NO"}`, `"objectWriteTraceId":"2","properties":{"firstname":"x"}`)
	p.post(contactsBatch+"create", body).want(t, 201)
	a := p.post("/crm/objects/2026-09/contacts/batch/create", body).want(t, 207)
	equal(t, "message", a.Errors[0].Message, "The property values provided are invalid")
	if !strings.Contains(a.Raw, "MISSING_CONDITIONAL_REQUIRED_PROPERTY") || !strings.Contains(a.Raw, "A value for firstname must be provided") {
		t.Error(a.Raw)
	}
	p.SetSwitches(Switches{RulesWhole: true})
	p.post("/crm/objects/2026-09/contacts/batch/create", body).want(t, 400)
}

// Section 13, Objects: searches see writes after the lag only (3.7, 11.1).
func TestSearchLag(t *testing.T) {
	p := open(t, Options{})
	id := p.contact(`"email":"a@x.io","city":"Oslo"`)
	find := func(city string) int {
		return p.post("/crm/objects/2026-03/contacts/search", `{"filterGroups":[{"filters":[{"propertyName":"city","operator":"EQ","value":"`+city+`"}]}]}`).want(t, 200).Total
	}
	equal(t, "at once", find("Oslo"), 0)
	p.now = p.now.Add(5 * time.Second)
	equal(t, "after the lag", find("Oslo"), 1)
	p.send("PATCH", "/crm/objects/2026-03/contacts/"+id, `{"properties":{"city":"Bergen"}}`).want(t, 200)
	p.now = p.now.Add(4 * time.Second)
	p.send("PATCH", "/crm/objects/2026-03/contacts/"+id, `{"properties":{"city":"Moss"}}`).want(t, 200)
	equal(t, "old value", find("Oslo"), 1)
	p.now = p.now.Add(time.Second)
	equal(t, "first change", find("Bergen"), 1)
	p.now = p.now.Add(4 * time.Second)
	equal(t, "second change", find("Moss"), 1)
}

// Section 3.7: operators, sorting, paging and bounds of searches.
func TestSearch(t *testing.T) {
	p := open(t, Options{Switches: Switches{SearchLag: -1}})
	for i, city := range []string{"Oslo", "Bergen", "Moss", ""} {
		p.contact(fmt.Sprintf(`"email":"c%d@x.io","city":%q`, i, city))
	}
	search := func(body string) answer { return p.post("/crm/objects/2026-03/contacts/search", body) }
	for filter, want := range map[string]int{
		`"operator":"EQ","value":"oslo"`: 1, `"operator":"NEQ","value":"Oslo"`: 3, `"operator":"LT","value":"N"`: 2, `"operator":"LTE","value":"Moss"`: 2,
		`"operator":"GT","value":"Moss"`: 1, `"operator":"GTE","value":"Moss"`: 2, `"operator":"BETWEEN","value":"C","highValue":"N"`: 1,
		`"operator":"IN","values":["oslo","moss"]`: 2, `"operator":"IN","values":["Oslo"]`: 0, `"operator":"NOT_IN","values":["oslo"]`: 3,
		`"operator":"HAS_PROPERTY"`: 3, `"operator":"NOT_HAS_PROPERTY"`: 1, `"operator":"CONTAINS_TOKEN","value":"*er*"`: 1, `"operator":"NOT_CONTAINS_TOKEN","value":"oslo"`: 3,
	} {
		a := search(`{"filterGroups":[{"filters":[{"propertyName":"city",`+filter+`}]}]}`).want(t, 200)
		equal(t, filter, a.Total, want)
	}
	a := search(`{"limit":2,"sorts":[{"propertyName":"city","direction":"DESCENDING"}],"properties":["city"]}`).want(t, 200)
	equal(t, "first", *a.Results[0].Properties["city"], "Oslo")
	equal(t, "next", a.Paging.Next.After, "2")
	a = search(`{"limit":2,"after":"2","sorts":["-city"]}`).want(t, 200)
	equal(t, "second page", len(a.Results), 2)
	for _, bad := range []string{`{"limit":201}`, `{"after":"9999","limit":10}`, `{"sorts":["city","email"]}`, `{"query":"` + strings.Repeat("x", 3000) + `"}`,
		`{"filterGroups":[{"filters":[{"propertyName":"city","operator":"LIKE"}]}]}`, `{"filterGroups":[{},{},{},{},{},{}]}`, `{"filterGroups":[{"filters":[{"propertyName":"nope","operator":"EQ"}]}]}`} {
		search(bad).want(t, 400)
	}
}

// Section 3.1: list pages, single reads, archive and restore.
func TestSingleAndList(t *testing.T) {
	p := open(t, Options{})
	var ids []string
	for i := range 12 {
		ids = append(ids, p.contact(fmt.Sprintf(`"email":"c%d@x.io"`, i)))
	}
	a := p.send("GET", "/crm/v3/objects/contacts", "").want(t, 200)
	equal(t, "first page", len(a.Results), 10)
	a = p.send("GET", "/crm/v3/objects/contacts?properties=email&after="+a.Paging.Next.After, "").want(t, 200)
	equal(t, "second page", len(a.Results), 2)
	equal(t, "email", *a.Results[0].Properties["email"], "c10@x.io")
	a = p.send("GET", "/crm/objects/2026-09/contacts/C3@x.io?idProperty=email&properties=email,city", "").want(t, 200)
	equal(t, "by email", a.answered.ID, ids[3])
	p.send("DELETE", "/crm/objects/2026-09/contacts/"+ids[3], "").want(t, 204)
	p.send("DELETE", "/crm/objects/2026-09/contacts/"+ids[3], "").want(t, 204)
	p.send("GET", "/crm/objects/2026-09/contacts/"+ids[3], "").want(t, 404)
	p.send("GET", "/crm/objects/2026-09/contacts/"+ids[3]+"?archived=true", "").want(t, 200)
	p.send("PATCH", "/crm/objects/2026-09/contacts/"+ids[3], `{"properties":{"city":"x"}}`).want(t, 404)
	p.send("GET", "/crm/objects/2026-09/contacts?limit=101", "").want(t, 400)
	p.post("/crm/objects/2026-09/contacts", `{"properties":{"email":"c3@x.io"}}`).want(t, 201) // 11.4
	if _, err := p.Edit(Edit{Action: "restore", Object: "contacts", ID: ids[3]}); err == nil {
		t.Error("a record whose address is taken was restored")
	}
}

// Sections 11.3 and 11.4: merges and privacy deletes.
func TestMergeAndDelete(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		p := open(t, Options{Switches: Switches{MergeNewID: fresh}})
		a, b, co := p.contact(`"email":"a@x.io","ext_id":"A"`), p.contact(`"email":"b@x.io","ext_id":"B","city":"Oslo"`), p.company("x")
		p.send("PUT", "/crm/objects/2026-03/contacts/"+b+"/associations/default/companies/"+co, "").want(t, 200)
		got := p.post("/crm/objects/2026-03/contacts/merge", fmt.Sprintf(`{"primaryObjectId":%q,"objectIdToMerge":%q}`, a, b)).want(t, 200).answered.ID
		equal(t, "new id", got != a, fresh)
		r := p.post(contactsBatch+"read", `{"properties":["email","ext_id","city","hs_additional_emails","hs_merged_object_ids"],"inputs":[{"id":"`+b+`"}]}`).want(t, 200).Results[0]
		equal(t, "survivor", r.ID, got)
		equal(t, "key", *r.Properties["ext_id"], "A")
		equal(t, "city", *r.Properties["city"], "Oslo")
		equal(t, "emails", *r.Properties["hs_additional_emails"], "b@x.io")
		equal(t, "links", len(p.LinksOf("contacts", got, "companies")), 1)
		equal(t, "live", p.Count("contacts"), 1)
		if _, ok := p.Find("contacts", "ext_id", "B"); ok {
			t.Error("the other record's key survived")
		}
		p.post("/crm/objects/2026-03/contacts/gdpr-delete", `{"objectId":"a@x.io","idProperty":"email"}`).want(t, 204)
		equal(t, "live", p.Count("contacts"), 0)
		p.post("/crm/objects/2026-03/contacts", `{"properties":{"email":"b@x.io"}}`).want(t, 400)
	}
}
