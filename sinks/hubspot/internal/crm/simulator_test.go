package crm

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"sluice/sinks/hubspot/hubspottest"
)

func portal(t *testing.T, version string, o hubspottest.Options) (*hubspottest.Server, *Client) {
	t.Helper()
	o.Seed = 1
	sim := hubspottest.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		sim.Close()
	})
	retry := quick
	retry.Attempts = 5
	return sim, newClient(t, Config{BaseURL: server.URL, Version: version, AccessToken: testToken, Retry: retry})
}

func contacts(n int) []Input {
	inputs := make([]Input, n)
	for i := range inputs {
		inputs[i] = Input{
			TraceID:    fmt.Sprint("t-", i),
			Properties: []Property{{"email", fmt.Sprintf("P%d@X.io", i)}, {"firstname", "Ævar \u2028 \"q\""}},
		}
	}
	return inputs
}

// Whatever breaks, the effect that the client tells is true of the portal: a write without effect made nothing, a write
// that was answered made each record once, and no write was carried out twice.
func TestEffectIsTrue(t *testing.T) {
	for _, kind := range []string{"status", "reset", "truncate", "cut", "html", "empty", "partial", "expire", "late"} {
		for _, status := range []int{0, 400, 403, 423, 429, 477, 500, 502, 503, 504, 524} {
			for _, after := range []bool{false, true} {
				if (kind == "status") != (status != 0) {
					continue
				}
				if after && (kind == "expire" || 0 < status && status < 500) {
					continue // 4xx means that nothing was done
				}
				fault := hubspottest.Fault{Kind: kind, Status: status, After: after, Path: "batch/create", RetryAfter: 1, Nth: 1}
				if kind == "late" {
					fault.Delay = time.Millisecond
				}
				t.Run(fmt.Sprintf("%s %d after=%v", kind, status, after), func(t *testing.T) {
					t.Parallel()
					checkEffect(t, fault)
				})
			}
		}
	}
}

func checkEffect(t *testing.T, fault hubspottest.Fault) {
	sim, c := portal(t, DefaultVersion, hubspottest.Options{Faults: []hubspottest.Fault{fault}})
	answer, err := c.BatchCreate(t.Context(), "contacts", contacts(3))
	made := len(sim.Records("contacts"))
	switch {
	case err == nil && (len(answer.Results) != 3 || made != 3):
		t.Errorf("%d results, %d records", len(answer.Results), made)
	case err != nil && asError(t, err).Effect == NoEffect && made != 0:
		t.Errorf("%d records, but %v", made, err)
	}
	if len(sim.Writes()) > 3 {
		t.Errorf("%d writes of 3 records", len(sim.Writes()))
	}
}

// Every call works against the portal, in every version.
func TestCallsOnSimulator(t *testing.T) {
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			sim, c := portal(t, version, hubspottest.Options{TimeZone: "Europe/Oslo"})
			ctx := t.Context()
			if a, err := c.Account(ctx); err != nil || a.PortalID != "62515" || c.gate.zone.String() != "Europe/Oslo" {
				t.Error(a, c.gate.zone, err)
			}
			created, err := c.BatchCreate(ctx, "contacts", contacts(2))
			if err != nil || len(created.Results) != 2 {
				t.Fatal(created, err)
			}
			checkUpsert(t, c)
			checkUpdateAndRead(t, c, created.Results[0].ID)
			checkAssociations(t, sim, c, created.Results[0].ID)
			checkLists(t, c)
			if _, err := c.BatchArchive(ctx, "contacts", []string{created.Results[0].ID, "999999"}); err != nil || len(sim.Archived("contacts")) != 1 {
				t.Error(err, sim.Archived("contacts"))
			}
		})
	}
}

func checkUpsert(t *testing.T, c *Client) {
	t.Helper()
	inputs := []Input{
		{TraceID: "a", ID: "p0@x.io", IDProperty: "email", Properties: []Property{{"city", "Oslo"}}},
		{TraceID: "b", ID: "new@x.io", IDProperty: "email", Properties: []Property{{"no_such_property", "x"}}},
	}
	a, err := c.BatchUpsert(t.Context(), "contacts", inputs)
	if err != nil || len(a.Results) != 1 || len(a.Errors) != 1 {
		t.Fatalf("%+v %v", a, err)
	}
	r, e := a.Results[0], a.Errors[0]
	if r.TraceID != "a" || r.New == nil || *r.New || r.Properties["email"] != "p0@x.io" || len(r.Properties) != 1 {
		t.Errorf("%+v", r)
	}
	if e.TraceIDs()[0] != "b" || e.Errors[0].Code != "PROPERTY_DOESNT_EXIST" || e.Errors[0].Property != "no_such_property" {
		t.Errorf("%+v", e)
	}
}

func checkUpdateAndRead(t *testing.T, c *Client, id string) {
	t.Helper()
	a, err := c.BatchUpdate(t.Context(), "0-1", []Input{{TraceID: "u", ID: id, Properties: []Property{{"city", ""}, {"lastname", "L"}}}})
	if err != nil || len(a.Results) != 1 {
		t.Fatalf("%+v %v", a, err)
	}
	got, err := c.BatchRead(t.Context(), "contacts", "", []string{"firstname", "lastname", "city"}, []string{id, "999999"}, false)
	if err != nil || len(got.Results) != 1 || len(got.Errors) != 1 || got.HTTPStatus != 207 {
		t.Fatalf("%+v %v", got, err)
	}
	p := got.Results[0].Properties
	if p["firstname"] != "Ævar \u2028 \"q\"" || p["lastname"] != "L" || p["city"] != "" {
		t.Errorf("%q", p)
	}
}

func checkAssociations(t *testing.T, sim *hubspottest.Server, c *Client, contact string) {
	t.Helper()
	ctx := t.Context()
	made, err := c.BatchCreate(ctx, "companies", []Input{{TraceID: "c", Properties: []Property{{"name", "Acme"}}}})
	if err != nil || len(made.Results) != 1 {
		t.Fatal(made, err)
	}
	pair := Pair{contact, made.Results[0].ID}
	if a, err := c.AssociateDefault(ctx, "contacts", "companies", []Pair{pair}); err != nil || len(a.Errors) != 0 {
		t.Error(a, err)
	}
	primary := []Association{{pair, []AssociationType{{"HUBSPOT_DEFINED", 1}}}}
	if a, err := c.AssociateTypes(ctx, "contacts", "companies", primary); err != nil || len(a.Errors) != 0 {
		t.Error(a, err)
	}
	read, err := c.ReadAssociations(ctx, "contacts", "companies", []string{contact})
	if err != nil || len(read.To[contact]) != 1 || read.To[contact][0].ToID != pair.To || len(read.To[contact][0].Types) != 2 {
		t.Errorf("%+v %v", read, err)
	}
	if a, err := c.ArchiveLabels(ctx, "contacts", "companies", primary); err != nil || len(a.Errors) != 0 || len(sim.Links("contacts", "companies")) != 1 {
		t.Error(a, err, sim.Links("contacts", "companies"))
	}
	if a, err := c.ArchiveAssociations(ctx, "contacts", "companies", []Pair{pair}); err != nil || len(a.Errors) != 0 || len(sim.Links("contacts", "companies")) != 0 {
		t.Error(a, err, sim.Links("contacts", "companies"))
	}
}

func checkLists(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	if labels, err := c.Labels(ctx, "contacts", "companies"); err != nil || len(labels) < 2 {
		t.Error(labels, err)
	}
	if properties, err := c.Properties(ctx, "contacts"); err != nil || len(properties) < 10 {
		t.Error(properties, err)
	}
	if owners, err := c.Owners(ctx); err != nil || len(owners) == 0 {
		t.Error(owners, err)
	}
	if pipelines, err := c.Pipelines(ctx, "deals"); err != nil || len(pipelines) == 0 || len(pipelines[0].Stages) == 0 {
		t.Error(pipelines, err)
	}
	if _, err := c.Schemas(ctx); err != nil {
		t.Error(err)
	}
}
