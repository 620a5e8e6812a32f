package hubspottest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const contactProperties = "/crm/properties/2026-09/contacts"

func newProp(more string) string {
	return `{"name":"p1","label":"P","type":"string","fieldType":"text","groupName":"contactinformation"` + more + `}`
}

// Section 3.5: properties are listed, created, changed, archived and restored.
func TestPropertyCRUD(t *testing.T) {
	p := open(t, Options{})
	p.post(contactProperties, newProp(`,"hasUniqueValue":true`)).want(t, 201)
	a := p.post(contactProperties, newProp("")).want(t, 409)
	equal(t, "sub category", a.SubCategory, "Properties.PROPERTY_WITH_NAME_EXISTS")
	equal(t, "message", a.Message, "A property named 'p1' already exists.")
	a = p.send("PATCH", contactProperties+"/p1", `{"label":"Q","hasUniqueValue":false}`).want(t, 200)
	equal(t, "unique stays", strings.Contains(a.Raw, `"hasUniqueValue":true`) && strings.Contains(a.Raw, `"label":"Q"`), true)
	p.send("DELETE", contactProperties+"/p1", "").want(t, 204)
	p.send("GET", contactProperties+"/p1", "").want(t, 404)
	p.send("GET", contactProperties+"/p1?archived=true", "").want(t, 200)
	p.post(contactsBatch+"create", inputs(`"properties":{"lastname":"x","p1":"x"}`)).want(t, 400)
	p.post(contactProperties, newProp("")).want(t, 201)
	p.send("DELETE", contactProperties+"/email", "").want(t, 400)
	list := p.send("GET", contactProperties, "").want(t, 200)
	for _, want := range []string{`"name":"email"`, `"name":"p1"`, `"readOnlyValue":true`, `"externalOptions":true`} {
		if !strings.Contains(list.Raw, want) {
			t.Errorf("the list lacks %s", want)
		}
	}
}

// Section 3.5: what a create needs, and the ten unique properties that an object may have.
func TestPropertyRefusals(t *testing.T) {
	p := open(t, Options{Switches: Switches{NoActivityKeys: true}})
	for body, want := range map[string]string{
		`{"name":"p1"}`: "Some required fields were not set: [fieldType, groupName, label, type]",
		strings.Replace(newProp(""), "p1", "P 1", 1):                                                                      "is not valid",
		strings.Replace(newProp(""), `"string"`, `"text"`, 1):                                                             "Invalid property type: text",
		strings.Replace(newProp(""), `"text"`, `"string"`, 1):                                                             "Invalid property field type: string",
		strings.Replace(newProp(""), `contactinfo`, `nogroup`, 1):                                                         "does not exist",
		newProp(`,"options":[{"label":"A","value":"a"}]`):                                                                 "displayOrder",
		strings.Replace(newProp(`,"hasUniqueValue":true`), `"string","fieldType":"text"`, `"date","fieldType":"date"`, 1): "must be of type string or number",
		`[]`: "Invalid input JSON",
	} {
		a := p.post(contactProperties, body).want(t, 400)
		if !strings.Contains(a.Message, want) {
			t.Errorf("%s: %s", body, a.Message)
		}
	}
	p.post("/crm/v3/properties/contacts", newProp(`,"options":[{"label":"A","value":"a"}]`)).want(t, 201)
	for i := range 10 {
		status := map[bool]int{true: 201, false: 400}[i < 9] // ext_id is the tenth
		p.post(contactProperties, strings.Replace(newProp(`,"hasUniqueValue":true`), "p1", fmt.Sprintf("u%d", i), 1)).want(t, status)
	}
	note := strings.Replace(newProp(`,"hasUniqueValue":true`), "contactinformation", "noteinformation", 1)
	p.post("/crm/properties/2026-09/notes", note).want(t, 400)
}

// Section 3.5: batches of properties, where an existing name is a 207 item; groups.
func TestPropertyBatchesAndGroups(t *testing.T) {
	p := open(t, Options{})
	body := `{"inputs":[` + newProp("") + `,` + strings.Replace(newProp(""), "p1", "email", 1) + `]}`
	a := p.post(contactProperties+"/batch/create", body).want(t, 207)
	equal(t, "created", a.Results[0].Name, "p1")
	equal(t, "named", a.Errors[0].Context["name"], []string{"email"})
	p.post(contactProperties+"/batch/read", `{"inputs":[{"name":"p1"},{"name":"no"}]}`).want(t, 207)
	p.post(contactProperties+"/batch/archive", `{"inputs":[{"name":"p1"}]}`).want(t, 204)
	p.post(contactProperties+"/batch/read", `{"inputs":[{"name":"p1"}]}`).want(t, 207)
	groups := contactProperties + "/groups"
	p.post(groups, `{"name":"sluice","label":"Sluice"}`).want(t, 201)
	p.post(groups, `{"name":"sluice","label":"Sluice"}`).want(t, 409)
	p.send("PATCH", groups+"/sluice", `{"label":"S"}`).want(t, 200)
	p.post(contactProperties, strings.Replace(newProp(""), "contactinformation", "sluice", 1)).want(t, 201) // restored
	p.post(contactProperties, strings.Replace(strings.Replace(newProp(""), "contactinformation", "sluice", 1), "p1", "p2", 1)).want(t, 201)
	p.send("DELETE", groups+"/sluice", "").want(t, 400)
	p.send("DELETE", contactProperties+"/p2", "").want(t, 204)
	p.send("DELETE", groups+"/sluice", "").want(t, 204)
	p.send("GET", groups+"/sluice", "").want(t, 404)
}

// Section 11.1: a new property can be used only after a while, if the switch says so.
func TestDefinitionLag(t *testing.T) {
	p := open(t, Options{Switches: Switches{DefinitionLag: time.Minute}})
	p.post(contactProperties, newProp("")).want(t, 201)
	body := inputs(`"properties":{"lastname":"x","p1":"x"}`)
	p.post(contactsBatch+"create", body).want(t, 400)
	p.now = p.now.Add(time.Minute)
	p.post(contactsBatch+"create", body).want(t, 201)
}

// Section 3.6: custom objects have ids 2-<n>, and are known by id and qualified name, long or short (3).
func TestSchemas(t *testing.T) {
	p := open(t, Options{})
	body := `{"name":"boat","labels":{"singular":"Boat","plural":"Boats"},"requiredProperties":["boat_name"],"primaryDisplayProperty":"boat_name",
		"properties":[{"name":"boat_name","label":"Name","type":"string","fieldType":"text"},{"name":"imo","label":"IMO","type":"string","fieldType":"text","hasUniqueValue":true}],
		"associatedObjects":["CONTACT"]}`
	a := p.post("/crm-object-schemas/2026-09/schemas", body).want(t, 201)
	_, rest, _ := strings.Cut(a.Raw, `"objectTypeId":"`)
	id, _, _ := strings.Cut(rest, `"`)
	p.post("/crm-object-schemas/2026-09/schemas", body).want(t, 409)
	for _, name := range []string{id, "p62515_boat", "p_boat"} {
		p.post("/crm/objects/2026-09/"+name+"/batch/upsert", inputs(`"idProperty":"imo","id":"1","properties":{"boat_name":"x"}`)).want(t, 200)
		p.send("GET", "/crm-object-schemas/2026-09/schemas/"+name, "").want(t, 200)
	}
	p.send("GET", "/crm/objects/2026-09/boat", "").want(t, 400)
	equal(t, "boats", p.Count(id), 1)
	p.post("/crm/objects/2026-09/"+id, `{"properties":{"imo":"2"}}`).want(t, 400)
	boat, contact := p.Records(id)[0].ID, p.contact(`"lastname":"x"`)
	p.post("/crm/associations/2026-09/"+id+"/contacts/batch/associate/default", inputs(pairInput(boat, contact))).want(t, 200)
	equal(t, "linked", len(p.LinksOf("contacts", contact, id)), 1)
	p.post("/crm-object-schemas/2026-09/schemas/"+id+"/associations", `{"fromObjectTypeId":"`+id+`","toObjectTypeId":"0-2","name":"boat_to_company"}`).want(t, 201)
	p.post("/crm-object-schemas/2026-09/schemas/batch/read", `{"inputs":["`+id+`"]}`).want(t, 200)
	p.send("PATCH", "/crm-object-schemas/2026-09/schemas/"+id, `{"requiredProperties":[]}`).want(t, 200)
	p.send("DELETE", "/crm-object-schemas/2026-09/schemas/"+id, "").want(t, 400)
	p.send("DELETE", "/crm/objects/2026-09/"+id+"/"+boat, "").want(t, 204)
	p.send("DELETE", "/crm-object-schemas/2026-09/schemas/"+id, "").want(t, 204)
}

// Section 3.6: owners, pipelines, account and usage.
func TestAccount(t *testing.T) {
	p := open(t, Options{Limits: Limits{Enabled: true}})
	a := p.send("GET", "/crm/owners/2026-09?email=ADA@example.com", "").want(t, 200)
	equal(t, "owner", a.Results[0].ID, "41629779")
	a = p.send("GET", "/crm/owners/2026-09?limit=2", "").want(t, 200)
	equal(t, "page", len(p.send("GET", "/crm/owners/2026-09?after="+a.Paging.Next.After, "").Results), 1)
	equal(t, "by user", p.send("GET", "/crm/owners/2026-09/9586504?idProperty=userId", "").want(t, 200).answered.ID, "41629779")
	p.send("GET", "/crm/owners/2026-09/1", "").want(t, 404)
	a = p.send("GET", "/account-info/2026-09/details", "").want(t, 200)
	if !strings.Contains(a.Raw, `"portalId":62515`) || !strings.Contains(a.Raw, `"timeZone":"UTC"`) {
		t.Error(a.Raw)
	}
	a = p.send("GET", "/account-info/2026-09/api-usage/daily/private-apps", "").want(t, 200)
	if !strings.Contains(a.Raw, `"currentUsage":7`) || !strings.Contains(a.Raw, `"resetsAt":"2026-11-21T00:00:00.000Z"`) {
		t.Error(a.Raw)
	}
	stages := "/crm/pipelines/2026-09/deals/default/stages"
	equal(t, "stages", len(p.send("GET", stages, "").want(t, 200).Results), 7)
	p.post(stages, `{"id":"signed","label":"Signed"}`).want(t, 201)
	p.post("/crm/objects/2026-09/deals", `{"properties":{"dealname":"x","pipeline":"default","dealstage":"signed"}}`).want(t, 201)
	p.send("PATCH", stages+"/signed", `{"label":"S"}`).want(t, 200)
	p.send("DELETE", stages+"/signed", "").want(t, 204)
	p.post("/crm/pipelines/2026-09/deals", `{"id":"b","label":"B","stages":[{"id":"b1","label":"B1"}]}`).want(t, 201)
	p.post("/crm/objects/2026-09/deals", `{"properties":{"dealname":"x","pipeline":"b","dealstage":"closedwon"}}`).want(t, 400)
	p.post("/crm/objects/2026-09/deals", `{"properties":{"dealname":"x","pipeline":"b","dealstage":"b1"}}`).want(t, 201)
	p.send("DELETE", "/crm/pipelines/2026-09/deals/b", "").want(t, 204)
}
