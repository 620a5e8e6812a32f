package hubspottest

import (
	"fmt"
	"testing"
)

// Section 13, Associations: types given replace the pair's labels, or are added; every label shows the unlabeled type.
func TestLabelsReplace(t *testing.T) {
	for _, add := range []bool{false, true} {
		p := open(t, Options{Switches: Switches{AddLabels: add}})
		a, b := p.contact(`"lastname":"x"`), p.company("x")
		chair := must2(t)(p.AddLabel(Label{From: "contacts", To: "companies", Label: "Chair", Inverse: "Chaired by"}))
		member := must2(t)(p.AddLabel(Label{From: "contacts", To: "companies", Label: "Member"}))
		p.post(linksDated+"batch/create", inputs(pairInput(a, b, chair.ID))).want(t, 201)
		equal(t, "one", p.typesOf("contacts", a, "companies"), fmt.Sprintf("%s:279,USER_DEFINED/%d", b, chair.ID))
		equal(t, "back", p.typesOf("companies", b, "contacts"), fmt.Sprintf("%s:280,USER_DEFINED/%d", a, chair.Inverse))
		res := p.post(linksDated+"batch/create", inputs(pairInput(a, b, member.ID))).want(t, 201)
		want := map[bool]string{false: "[Member]", true: "[Chair Member]"}[add]
		equal(t, "labels", fmt.Sprint(res.Results[0].Labels), want)
		equal(t, "truth", fmt.Sprint(p.LinksOf("contacts", a, "companies")[0].Labels), want)
		// associate/default leaves labels alone
		p.post(linksDated+"batch/associate/default", inputs(pairInput(a, b))).want(t, 200)
		equal(t, "after default", fmt.Sprint(p.LinksOf("contacts", a, "companies")[0].Labels), want)
	}
}

func must2(t *testing.T) func(LabelIDs, error) LabelIDs {
	return func(l LabelIDs, err error) LabelIDs {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// Section 13, Associations: removing a label keeps the pair, removing the unlabeled type removes the pair (10.1).
func TestLabelsArchive(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	chair := must2(t)(p.AddLabel(Label{From: "contacts", To: "companies", Label: "Chair"}))
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, chair.ID))).want(t, 201)
	p.post(linksDated+"batch/labels/archive", inputs(pairInput(a, b, chair.ID))).want(t, 200)
	equal(t, "kept", p.typesOf("contacts", a, "companies"), b+":279")
	equal(t, "kept back", p.typesOf("companies", b, "contacts"), a+":280")
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, chair.ID))).want(t, 201)
	p.post(links4+"batch/labels/archive", inputs(pairInput(a, b, 279))).want(t, 204)
	equal(t, "gone", p.typesOf("contacts", a, "companies")+p.typesOf("companies", b, "contacts"), "")
}

// Section 10.1: at most one primary company; setting another moves the mark, from either side.
func TestPrimaryMoves(t *testing.T) {
	p := open(t, Options{})
	a, b, c := p.contact(`"lastname":"x"`), p.company("x"), p.company("y")
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, 1))).want(t, 201)
	equal(t, "first", p.typesOf("contacts", a, "companies"), b+":279,1")
	p.post("/crm/associations/2026-03/companies/contacts/batch/create", inputs(pairInput(c, a, 2))).want(t, 201)
	equal(t, "moved", p.typesOf("contacts", a, "companies"), b+":279 "+c+":279,1")
	equal(t, "moved back", p.typesOf("companies", b, "contacts"), a+":280")
}

// Section 10.1: labels can be listed, made in pairs, renamed and deleted; the 51st is a 437.
func TestLabelCRUD(t *testing.T) {
	p := open(t, Options{})
	a, b := p.contact(`"lastname":"x"`), p.company("x")
	res := p.post(linksDated+"labels", `{"name":"chair","label":"Chair","inverseLabel":"Chaired by"}`).want(t, 200)
	equal(t, "two ids", len(res.Results), 2)
	equal(t, "inverse", res.Results[1].Label, "Chaired by")
	id := res.Results[0].TypeID
	p.post(linksDated+"labels", `{"name":"chair","label":"Chair"}`).want(t, 409)
	p.post(linksDated+"batch/create", inputs(pairInput(a, b, id))).want(t, 201)
	p.send("PUT", linksDated+"labels", fmt.Sprintf(`{"associationTypeId":%d,"label":"Boss"}`, id)).want(t, 204)
	equal(t, "renamed", p.LinksOf("contacts", a, "companies")[0].Labels, []string{"Boss"})
	p.send("DELETE", fmt.Sprintf("%slabels/%d", linksDated, id), "").want(t, 204)
	p.send("DELETE", fmt.Sprintf("%slabels/%d", linksDated, id), "").want(t, 404)
	equal(t, "pair stays", p.typesOf("contacts", a, "companies"), b+":279")
	equal(t, "built in", len(p.send("GET", linksDated+"labels", "").Results), 3)
	for i := range 50 {
		p.post(linksDated+"labels", fmt.Sprintf(`{"name":"l%d","label":"L%d"}`, i, i)).want(t, 200)
	}
	p.post(linksDated+"labels", `{"name":"one_more","label":"One more"}`).want(t, 437)
}
