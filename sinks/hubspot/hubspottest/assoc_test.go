package hubspottest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	links4     = "/crm/v4/associations/contacts/companies/"
	linksDated = "/crm/associations/2026-03/contacts/companies/"
)

func pairInput(from, to string, types ...int) string {
	var list []string
	for _, id := range types {
		category := "HUBSPOT_DEFINED"
		if id > 30 && id < 100 {
			category = "USER_DEFINED"
		}
		list = append(list, fmt.Sprintf(`{"associationCategory":%q,"associationTypeId":%d}`, category, id))
	}
	return fmt.Sprintf(`"from":{"id":%q},"to":{"id":%q},"types":[%s]`, from, to, strings.Join(list, ","))
}

func (p *testPortal) typesOf(object, id, to string) string {
	var list []string
	for _, l := range p.LinksOf(object, id, to) {
		list = append(list, l.To+":"+strings.Join(l.Types, ","))
	}
	return strings.ReplaceAll(strings.Join(list, " "), "HUBSPOT_DEFINED/", "")
}

// Section 13, Associations: both directions are stored, with the type ids of 10.4; a repeat changes nothing.
func TestLinkBothDirections(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	for range 2 {
		res := p.post(linksDated+"batch/create", inputs(pairInput(a, b, 279))).want(t, 201)
		equal(t, "results", len(res.Results), 1)
	}
	equal(t, "there", p.typesOf("contacts", a, "companies"), b+":279")
	equal(t, "back", p.typesOf("companies", b, "contacts"), a+":280")
	equal(t, "links written", p.Stats().Writes["contacts link"], int64(1))
	p.SetSwitches(Switches{Associations200: true})
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, 279))).want(t, 200)
}

// Section 10.4: the table of built-in ids, read from row to column and back.
func TestBuiltinTypeIDs(t *testing.T) {
	s := New(Options{})
	for _, c := range []struct {
		from, to    string
		there, back int
	}{
		{"contacts", "contacts", 449, 449}, {"contacts", "companies", 279, 280}, {"contacts", "deals", 4, 3}, {"contacts", "tickets", 15, 16},
		{"companies", "companies", 450, 450}, {"companies", "deals", 342, 341}, {"companies", "tickets", 340, 339}, {"deals", "tickets", 27, 28},
		{"deals", "deals", 451, 451}, {"tickets", "tickets", 452, 452}, {"calls", "contacts", 194, 193}, {"calls", "companies", 182, 181},
		{"calls", "deals", 206, 205}, {"calls", "tickets", 220, 219}, {"emails", "contacts", 198, 197}, {"emails", "companies", 186, 185},
		{"emails", "deals", 210, 209}, {"emails", "tickets", 224, 223}, {"meetings", "contacts", 200, 199}, {"meetings", "companies", 188, 187},
		{"meetings", "deals", 212, 211}, {"meetings", "tickets", 226, 225}, {"notes", "contacts", 202, 201}, {"notes", "companies", 190, 189},
		{"notes", "deals", 214, 213}, {"notes", "tickets", 228, 227}, {"tasks", "contacts", 204, 203}, {"tasks", "companies", 192, 191},
		{"tasks", "deals", 216, 215}, {"tasks", "tickets", 230, 229}, {"communications", "contacts", 81, 82}, {"communications", "companies", 87, 88},
		{"communications", "deals", 85, 86}, {"communications", "tickets", 83, 84}, {"leads", "contacts", 608, 609}, {"leads", "companies", 610, 611},
		{"deals", "line_items", 19, 20}, {"quotes", "line_items", 67, 68}, {"deals", "quotes", 63, 64},
	} {
		from, to := s.portal.resolve(c.from), s.portal.resolve(c.to)
		equal(t, c.from+" to "+c.to, s.plainOf(from, to).ID, c.there)
		equal(t, c.to+" to "+c.from, s.plainOf(to, from).ID, c.back)
	}
	for ends, id := range map[[2]string]int{
		{"contacts", "companies"}: 1, {"companies", "contacts"}: 2, {"deals", "companies"}: 5, {"companies", "deals"}: 6, {"tickets", "companies"}: 26,
		{"companies", "tickets"}: 25, {"leads", "contacts"}: 578, {"leads", "companies"}: 580,
	} {
		p := pairOf{s.portal.resolve(ends[0]).index, s.portal.resolve(ends[1]).index}
		if a := s.portal.links.typeBy(p, "HUBSPOT_DEFINED", id); a == nil || !a.Primary {
			t.Errorf("%v has no primary type %d", ends, id)
		}
	}
	co := s.portal.resolve("companies")
	for id, inverse := range map[int]int{14: 13, 13: 14} {
		equal(t, "parent and child", s.portal.links.typeBy(pairOf{co.index, co.index}, "", id).Inverse, inverse)
	}
}

// Section 13, Associations: ids are numbers in v4 and strings in dated versions, by a switch (10.2).
func TestNumericIDs(t *testing.T) {
	for mode, quoted := range map[string][2]bool{"v4": {false, true}, "always": {false, false}, "never": {true, true}} {
		p := open(t, Options{Switches: Switches{NumericIDs: mode}})
		a, b := p.contact(`"lastname":"x"`), p.company("x")
		for i, path := range []string{links4, linksDated} {
			res := p.post(path+"batch/create", inputs(pairInput(a, b, 279))).want(t, 201)
			equal(t, mode, res.Results[0].FromObjectID[0] == '"', quoted[i])
			read := p.post(path+"batch/read", inputs(`"id":"`+a+`"`)).want(t, 200)
			equal(t, mode+" read", strings.Contains(read.Raw, `"toObjectId":"`), quoted[i])
		}
	}
}

// Section 13, Associations: errors inside a 200 for associate/default and dated archive; a v4 archive is 204 (1.3).
func TestErrorsInside200(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	res := p.post(linksDated+"batch/associate/default", inputs(pairInput(a, b), pairInput("abc", b))).want(t, 200)
	equal(t, "directions", len(res.Results), 2)
	equal(t, "sub category", res.Errors[0].SubCategory, "crm.associations.INVALID_IDENTIFIER")
	equal(t, "message", res.Errors[0].Message, "abc is not a valid ID")
	equal(t, "id", res.Errors[0].Context["id"], []string{"abc"})
	archive := inputs(fmt.Sprintf(`"from":{"id":%q},"to":[{"id":%q},{"id":"abc"}]`, a, b))
	res = p.post(linksDated+"batch/archive", archive).want(t, 200)
	equal(t, "errors", res.NumErrors, 1)
	equal(t, "archived", p.typesOf("contacts", a, "companies"), "")
	for range 2 {
		p.post(links4+"batch/archive", archive).want(t, 204)
	}
}

// Section 10.2: what can't be linked is an item that names both ids; the rest is linked.
func TestLinkErrors(t *testing.T) {
	p := open(t, Options{Switches: Switches{AssociationCap: 1}})
	a, b, c := p.contact(`"lastname":"x"`), p.company("x"), p.company("y")
	for _, x := range []struct{ from, to, path, message, sub string }{
		{"99999", b, linksDated, "Contact 99999 does not exist or is archived", "crm.associations.OBJECT_NOT_FOUND"},
		{a, "x1", linksDated, "x1 is not a valid ID", "crm.associations.INVALID_IDENTIFIER"},
		{b, b, "/crm/associations/2026-03/companies/companies/", fmt.Sprintf("Object %s cannot be associated to itself (%s)", b, b), ""},
	} {
		res := p.post(x.path+"batch/create", inputs(pairInput(x.from, x.to, 279))).want(t, 207)
		equal(t, "message", res.Errors[0].Message, x.message)
		equal(t, "sub category", res.Errors[0].SubCategory, x.sub)
		equal(t, "from", res.Errors[0].Context["fromObjectId"], []string{x.from})
		equal(t, "to", res.Errors[0].Context["toObjectId"], []string{x.to})
	}
	res := p.post(linksDated+"batch/create", inputs(pairInput(a, b, 279), pairInput(a, c, 279), pairInput(a, c, 4))).want(t, 207)
	equal(t, "linked", len(res.Results), 1)
	equal(t, "cap and type", len(res.Errors), 2)
	for mode, keys := range map[string]int{"pair": 3, "id": 1, "none": 0} {
		p.SetSwitches(Switches{AssociationContext: mode})
		res = p.post(linksDated+"batch/create", inputs(pairInput("99999", b, 279))).want(t, 207)
		equal(t, mode, len(res.Errors[0].Context), keys)
	}
}

// Section 3.4: 2,000 inputs to write, 1,000 to read; 500 links of a record a page.
func TestLinkBoundsAndPages(t *testing.T) {
	p := open(t, Options{})
	a := p.contact(`"lastname":"x"`)
	var pairs, reads []string
	for i := range 520 {
		id, err := p.Edit(Edit{Action: "create", Object: "companies", Properties: map[string]string{"name": fmt.Sprint(i)}})
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, pairInput(a, id.ID))
	}
	p.post(linksDated+"batch/associate/default", inputs(pairs...)).want(t, 200)
	for len(pairs) <= 2000 {
		pairs = append(pairs, pairs[0])
	}
	p.post(linksDated+"batch/create", inputs(pairs...)).want(t, 400)
	for range 1001 {
		reads = append(reads, `"id":"`+a+`"`)
	}
	p.post(linksDated+"batch/read", inputs(reads...)).want(t, 400)
	var page struct {
		Results []struct {
			To     []json.RawMessage
			Paging *paging
		}
	}
	next, seen := "", 0
	for range 2 {
		res := p.post(linksDated+"batch/read", inputs(fmt.Sprintf(`"id":%q,"after":%q`, a, next))).want(t, 200)
		if err := json.Unmarshal([]byte(res.Raw), &page); err != nil {
			t.Fatal(err)
		}
		seen += len(page.Results[0].To)
		if page.Results[0].Paging != nil {
			next = page.Results[0].Paging.Next.After
		}
	}
	equal(t, "links read", seen, 520)
	one := p.send("GET", "/crm/objects/2026-03/contacts/"+a+"/associations/companies?limit=7", "").want(t, 200)
	equal(t, "page", len(one.Results), 7)
	equal(t, "more", one.Paging != nil, true)
}

// Section 10.2: records without links, and ids that don't exist, in a batch read.
func TestReadNoLinks(t *testing.T) {
	for mode, want := range map[string][3]int{"omit": {200, 0, 0}, "empty": {200, 1, 0}, "error": {207, 0, 1}} {
		p := open(t, Options{Switches: Switches{NoAssociations: mode}})
		a := p.contact(`"lastname":"x"`)
		res := p.post(linksDated+"batch/read", inputs(`"id":"`+a+`"`))
		equal(t, mode, [3]int{res.HTTP, len(res.Results), len(res.Errors)}, want)
		p.post(linksDated+"batch/read", inputs(`"id":"99999"`)).want(t, 207)
	}
}

// Section 3.4: single pairs.
func TestSinglePair(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	path := "/crm/v4/objects/contacts/" + a + "/associations/"
	p.send("PUT", path+"companies/"+b, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]`).want(t, 201)
	equal(t, "set", p.typesOf("contacts", a, "companies"), b+":279,1")
	p.send("PUT", path+"default/companies/"+b, "").want(t, 200)
	p.send("GET", path+"companies", "").want(t, 200)
	read := p.send("GET", "/crm/objects/2026-03/contacts/"+a+"?associations=companies", "").want(t, 200)
	if !strings.Contains(read.Raw, `"associations":{"companies":{"results":[{"id":"`+b+`"`) {
		t.Error(read.Raw)
	}
	p.send("DELETE", path+"companies/"+b, "").want(t, 204)
	p.send("DELETE", path+"companies/"+b, "").want(t, 204)
	equal(t, "deleted", p.typesOf("contacts", a, "companies"), "")
	p.send("PUT", path+"companies/99999", `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]`).want(t, 404)
}

// Section 10.3: a create may carry associations; a bad one fails its record only, with trace ids.
func TestInlineAssociations(t *testing.T) {
	p := open(t, Options{})
	co := p.company("x")
	in := func(trace, to string) string {
		return fmt.Sprintf(`"objectWriteTraceId":%q,"properties":{"lastname":"x"},"associations":[{"to":{"id":%q},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]`, trace, to)
	}
	res := p.post(contactsBatch+"create", inputs(in("1", co), in("2", "99999"))).want(t, 207)
	equal(t, "good", res.traces(), []string{"1"})
	equal(t, "linked", p.typesOf("contacts", res.Results[0].ID, "companies"), co+":279")
	a := p.contact(`"lastname":"y"`)
	lead := fmt.Sprintf(`{"properties":{"hs_lead_name":"x"},"associations":[{"to":{"id":%q},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":578}]}]}`, a)
	p.post("/crm/objects/2026-03/leads", lead).want(t, 201)
}

// Section 6.4: a user-level token without permission to edit associations is refused in 2026-09 only.
func TestEditAssociationsPermission(t *testing.T) {
	p := open(t, Options{Tokens: []Token{{Value: "token"}, {Value: "user", OAuth: true, NoLinks: true}}})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	for i, version := range []string{"2026-03", "2026-09"} { // what the first makes the second reads
		status := []int{201, 400}[i]
		path := "/crm/associations/" + version + "/contacts/companies/batch/"
		res := p.send("POST", path+"create", inputs(pairInput(a, b, 279)), "Authorization", "Bearer user").want(t, status)
		if status == 400 {
			equal(t, "message", res.Message, "Missing 'Edit Associations' permission.")
		}
		p.send("POST", path+"read", inputs(`"id":"`+a+`"`), "Authorization", "Bearer user").want(t, 200)
	}
}

// An archived record loses its links in both directions (11.4).
func TestArchiveDropsLinks(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, 279))).want(t, 201)
	p.send("DELETE", "/crm/objects/2026-03/companies/"+b, "").want(t, 204)
	equal(t, "links", len(p.Links("contacts", "companies"))+len(p.Links("companies", "contacts")), 0)
}

// Section 11.3: a merged-away id is that of no record, or stands for the survivor; the survivor has its links either way.
func TestLinkMerged(t *testing.T) {
	for mode, want := range map[string]string{"missing": "", "follow": ":279"} {
		p := open(t, Options{Switches: Switches{AssociateMerged: mode}})
		x, y, a, b := p.contact(`"lastname":"x"`), p.contact(`"lastname":"y"`), p.company("a"), p.company("b")
		p.post(linksDated+"batch/create", inputs(pairInput(x, b, 279))).want(t, 201)
		if _, err := p.Edit(Edit{Action: "merge", Object: "companies", ID: a, Other: b}); err != nil {
			t.Fatal(err)
		}
		equal(t, "moved", p.typesOf("contacts", x, "companies"), a+":279")
		if want != "" {
			want = a + want
		}
		p.post(linksDated+"batch/create", inputs(pairInput(y, b, 279)))
		equal(t, mode, p.typesOf("contacts", y, "companies"), want)
		if p.post(linksDated+"batch/archive", `{"inputs":[{"from":{"id":"`+x+`"},"to":[{"id":"`+b+`"}]}]}`).want(t, 200); mode == "missing" {
			equal(t, "not archived", p.typesOf("contacts", x, "companies"), a+":279")
		}
	}
}
