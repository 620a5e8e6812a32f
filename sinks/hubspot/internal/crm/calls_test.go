package crm

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every call goes to the path of its version family (API.md 1.2).
func TestPaths(t *testing.T) {
	want := map[string][]string{
		"2026-09": {
			"POST /crm/objects/2026-09/contacts/batch/create", "POST /crm/objects/2026-09/0-1/batch/update",
			"POST /crm/objects/2026-09/2-5/batch/upsert", "POST /crm/objects/2026-09/a%2Fb/batch/read?archived=true",
			"POST /crm/objects/2026-09/%2E%2E/batch/archive",
			"POST /crm/associations/2026-09/a/b/batch/create", "POST /crm/associations/2026-09/a/b/batch/associate/default",
			"POST /crm/associations/2026-09/a/b/batch/read", "POST /crm/associations/2026-09/a/b/batch/archive",
			"POST /crm/associations/2026-09/a/b/batch/labels/archive", "GET /crm/associations/2026-09/a/b/labels",
			"GET /crm/properties/2026-09/contacts", "GET /crm-object-schemas/2026-09/schemas",
			"GET /crm/owners/2026-09?limit=100",
			"GET /crm/pipelines/2026-09/deals", "GET /account-info/2026-09/details",
		},
		"v3": {
			"POST /crm/v3/objects/contacts/batch/create", "POST /crm/v3/objects/0-1/batch/update",
			"POST /crm/v3/objects/2-5/batch/upsert", "POST /crm/v3/objects/a%2Fb/batch/read?archived=true",
			"POST /crm/v3/objects/%2E%2E/batch/archive",
			"POST /crm/v4/associations/a/b/batch/create", "POST /crm/v4/associations/a/b/batch/associate/default",
			"POST /crm/v4/associations/a/b/batch/read", "POST /crm/v4/associations/a/b/batch/archive",
			"POST /crm/v4/associations/a/b/batch/labels/archive", "GET /crm/v4/associations/a/b/labels",
			"GET /crm/v3/properties/contacts", "GET /crm-object-schemas/v3/schemas",
			"GET /crm/v3/owners?limit=100",
			"GET /crm/v3/pipelines/deals", "GET /account-info/v3/details",
		},
	}
	for version, paths := range want {
		s := &script{steps: []http.HandlerFunc{answerWith(200, `{"portalId":1,"status":"COMPLETE","results":[{}]}`)}}
		c := serve(t, s.ServeHTTP, func(cfg *Config) { cfg.Version = version })
		callAll(t, c)
		if diff := cmp.Diff(paths, s.paths); diff != "" {
			t.Error("-want +got", diff)
		}
		if c.Requests() != int64(len(paths)) {
			t.Errorf("%d requests are counted, want %d", c.Requests(), len(paths))
		}
	}
}

func callAll(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	pairs := []Pair{{"1", "2"}}
	links := []Association{{Pair: pairs[0]}}
	for i, call := range []func() error{
		func() error { _, err := c.BatchCreate(ctx, "contacts", oneInput); return err },
		func() error { _, err := c.BatchUpdate(ctx, "0-1", oneInput); return err },
		func() error { _, err := c.BatchUpsert(ctx, "2-5", oneInput); return err },
		func() error { _, err := c.BatchRead(ctx, "a/b", "", nil, []string{"1"}, true); return err },
		func() error { _, err := c.BatchArchive(ctx, "..", []string{"1"}); return err },
		func() error { _, err := c.AssociateTypes(ctx, "a", "b", links); return err },
		func() error { _, err := c.AssociateDefault(ctx, "a", "b", pairs); return err },
		func() error { _, err := c.ReadAssociations(ctx, "a", "b", []string{"1"}); return err },
		func() error { _, err := c.ArchiveAssociations(ctx, "a", "b", pairs); return err },
		func() error { _, err := c.ArchiveLabels(ctx, "a", "b", links); return err },
		func() error { _, err := c.Labels(ctx, "a", "b"); return err },
		func() error { _, err := c.Properties(ctx, "contacts"); return err },
		func() error { _, err := c.Schemas(ctx); return err },
		func() error { _, err := c.Owners(ctx); return err },
		func() error { _, err := c.Pipelines(ctx, "deals"); return err },
		func() error { _, err := c.Account(ctx); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// What HubSpot would refuse or silently ignore isn't sent.
func TestBounds(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	many := make([]Input, MaxInputs+1)
	if _, err := c.BatchCreate(t.Context(), "contacts", many); asError(t, err).Error() != "create contacts: 101 inputs in one request, but HubSpot takes 100" {
		t.Error(err)
	}
	if _, err := c.BatchArchive(t.Context(), "contacts", make([]string, MaxInputs+1)); err == nil {
		t.Error("101 ids are archived")
	}
	if _, err := c.AssociateDefault(t.Context(), "a", "b", make([]Pair, MaxAssociations+1)); err == nil {
		t.Error("2,001 pairs are associated")
	}
	if a, err := c.BatchUpsert(t.Context(), "contacts", nil); err != nil || len(a.Results) != 0 {
		t.Error(a, err)
	}
	if a, err := c.ArchiveLabels(t.Context(), "a", "b", nil); err != nil || len(a.Results) != 0 {
		t.Error(a, err)
	}
	if r, err := c.ReadAssociations(t.Context(), "a", "b", nil); err != nil || len(r.To) != 0 {
		t.Error(r, err)
	}
}

// Both shapes of results are read, and errors inside a 200 (API.md 10.2).
func TestAssociationAnswers(t *testing.T) {
	c := serve(t, answerWith(200, `{"status":"COMPLETE","results":[
		{"fromObjectTypeId":"0-1","fromObjectId":501,"toObjectTypeId":"0-2","toObjectId":"77","labels":["Boss"]},
		{"from":{"id":"77"},"to":{"id":501},"associationSpec":{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":280}},
		{"from":{"id":"77"},"to":[{"id":"1"}]}],
		"numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","subCategory":"crm.associations.INVALID_IDENTIFIER",
		"message":"abc is not a valid ID","context":{"id":["abc"]}}]}`, "X-HubSpot-Correlation-Id", "c"))
	got, err := c.AssociateDefault(t.Context(), "contacts", "companies", []Pair{{"501", "77"}})
	want := &AssociationAnswer{
		HTTPStatus: 200, CorrelationID: "c",
		Results: []AssociationResult{
			{Pair: Pair{"501", "77"}, Labels: []string{"Boss"}},
			{Pair: Pair{"77", "501"}, Type: AssociationType{"HUBSPOT_DEFINED", 280}},
			{Pair: Pair{"77", ""}},
		},
		Errors: []ItemError{{
			Category: "VALIDATION_ERROR", SubCategory: "crm.associations.INVALID_IDENTIFIER",
			Message: "abc is not a valid ID", Context: map[string][]string{"id": {"abc"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error("-want +got", diff, err)
	}
}

// Associations are read in chunks and to the last page, and a page that points to itself ends.
func TestReadAssociations(t *testing.T) {
	to := func(id int) string {
		return fmt.Sprintf(`{"toObjectId":%d,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":1,"label":null},{"category":"USER_DEFINED","typeId":"37","label":"Boss"}]}`, id)
	}
	s := &script{steps: []http.HandlerFunc{
		answerWith(207, `{"results":[{"from":{"id":"0"},"to":[`+to(7)+`],"paging":{"next":{"after":"x"}}},{"from":{"id":1},"to":[`+to(8)+`]}],
			"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]}`),
		answerWith(200, `{"results":[{"from":{"id":"0"},"to":[`+to(9)+`],"paging":{"next":{"after":"x"}}}]}`),
		answerWith(200, `{"status":"COMPLETE","results":[]}`),
	}}
	c := serve(t, s.ServeHTTP)
	ids := make([]string, MaxAssociationReads+1)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	got, err := c.ReadAssociations(t.Context(), "a", "b", ids)
	if err != nil || s.sends() != 3 || s.body[1] != `{"inputs":[{"id":"0","after":"x"}]}` || s.body[2] != `{"inputs":[{"id":"1000"}]}` {
		t.Fatal(err, s.sends(), s.body[1:])
	}
	types := []Label{{"HUBSPOT_DEFINED", 1, ""}, {"USER_DEFINED", 37, "Boss"}}
	want := &AssociationReads{
		To:     map[string][]Associated{"0": {{"7", types}, {"9", types}}, "1": {{"8", types}}},
		Errors: []ItemError{{Category: "OBJECT_NOT_FOUND", Context: map[string][]string{"ids": {"2"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got", diff)
	}
}

// A page that was announced, and that its answer passes over, leaves the record's associations cut short; one that an answer
// lists without any has none.
func TestAssociationsCutShort(t *testing.T) {
	s := &script{steps: []http.HandlerFunc{
		answerWith(200, `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":7}],"paging":{"next":{"after":"x"}}},
			{"from":{"id":"2"},"to":[{"toObjectId":8}],"paging":{"next":{"after":"y"}}},{"from":{"id":"3"},"to":[]}]}`),
		answerWith(200, `{"results":[{"from":{"id":"2"},"to":[{"toObjectId":9}]}]}`),
	}}
	c := serve(t, s.ServeHTTP)
	got, err := c.ReadAssociations(t.Context(), "a", "b", []string{"1", "2", "3", "4"})
	want := &AssociationReads{To: map[string][]Associated{"1": {{ToID: "7"}}, "2": {{ToID: "8"}, {ToID: "9"}}, "3": nil}, Cut: []string{"1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error("-want +got", diff, err)
	}
}

// Definitions and such are read with every field optional, over all pages (API.md 3.5, 3.6).
func TestMetadata(t *testing.T) {
	ctx := t.Context()
	c := serve(t, answerWith(200, `{"results":[
		{"name":"ext_id","label":"Id","type":"string","fieldType":"text","hasUniqueValue":true},
		{"name":"score","type":"number","calculated":true,"options":[]},
		{"name":"created","modificationMetadata":{"readOnlyValue":true},"externalOptions":true},
		{"name":"size","options":[{"label":"Big","value":1,"displayOrder":2}]}]}`))
	properties, err := c.Properties(ctx, "contacts")
	if diff := cmp.Diff([]PropertyDefinition{
		{Name: "ext_id", Label: "Id", Type: "string", FieldType: "text", HasUniqueValue: true},
		{Name: "score", Type: "number", ReadOnly: true},
		{Name: "created", ReadOnly: true, ExternalOptions: true},
		{Name: "size", Options: []Option{{"Big", "1"}}},
	}, properties); diff != "" || err != nil {
		t.Error(diff, err)
	}
	s := &script{steps: []http.HandlerFunc{
		answerWith(200, `{"results":[{"id":"1","email":"a@x.io"}],"paging":{"next":{"after":"7"}}}`),
		answerWith(200, `{"results":[{"id":2,"archived":true}],"paging":{"next":{"after":"7"}}}`),
	}}
	owners, err := serve(t, s.ServeHTTP).Owners(ctx)
	if diff := cmp.Diff([]Owner{{ID: "1", Email: "a@x.io"}, {ID: "2", Archived: true}}, owners); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if !slices.Equal(s.paths, []string{"GET /crm/owners/2026-09?limit=100", "GET /crm/owners/2026-09?limit=100&after=7"}) {
		t.Error(s.paths)
	}
	pipelines, err := serve(t, answerWith(200, `{"results":[{"id":"p","label":"Sales","stages":[{"id":"s","label":"Won"}]}]}`)).Pipelines(ctx, "deals")
	if diff := cmp.Diff([]Pipeline{{ID: "p", Label: "Sales", Stages: []Stage{{"s", "Won"}}}}, pipelines); diff != "" || err != nil {
		t.Error(diff, err)
	}
	schemas, err := serve(t, answerWith(200, `{"results":[{"objectTypeId":"2-5","name":"car","fullyQualifiedName":"p1_car",
		"labels":{"singular":"Car","plural":"Cars"}}]}`)).Schemas(ctx)
	if diff := cmp.Diff([]Schema{{
		ID: "2-5", Name: "car", FullyQualifiedName: "p1_car", Singular: "Car", Plural: "Cars",
	}}, schemas); diff != "" || err != nil {
		t.Error(diff, err)
	}
	labels, err := serve(t, answerWith(200, `{"results":[{"category":"USER_DEFINED","typeId":37,"label":"Boss"},{"category":"HUBSPOT_DEFINED","typeId":1,"label":null}]}`)).Labels(ctx, "a", "b")
	if diff := cmp.Diff([]Label{{"USER_DEFINED", 37, "Boss"}, {"HUBSPOT_DEFINED", 1, ""}}, labels); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := serve(t, answerWith(200, `{}`)).Account(ctx); err == nil {
		t.Error("an account without a portal is accepted")
	}
}

// TestAnObjectHasProperties proves that an answer without properties isn't taken for an object that has none, and that lists
// which may be empty may be.
func TestAnObjectHasProperties(t *testing.T) {
	asked := map[string]int{}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := `{}`
		if asked[r.URL.Path]++; asked[r.URL.Path] == 2 {
			body = `{"results": [{"name": "email", "type": "string"}]}`
		}
		fmt.Fprint(w, body)
	})
	properties, err := c.Properties(t.Context(), "contacts")
	if err != nil || len(properties) != 1 || properties[0].Name != "email" {
		t.Errorf("%v, %v", properties, err)
	}
	groups, err := c.PropertyGroups(t.Context(), "contacts")
	if err != nil || len(groups) != 0 {
		t.Errorf("groups: %v, %v", groups, err)
	}
}
