package hubspot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// declared is a sink whose file declares more than its rows tell.
func declared() (*Config, *pipeline.Schema) {
	c := &Config{Object: "contacts", Match: []string{"person_id"}, Properties: map[string]Property{
		"tier":    {Type: "enumeration", Label: "Tier", Group: "contactinformation", Options: []string{"gold", "silver"}},
		"badge":   {Unique: true, Group: "badges"},
		"comment": {},
	}}
	in := schema("=person_id", "=tier", "=score", "=firstname")
	in.Fields[2].Type = pipeline.Int
	return c, in
}

// TestSurveyShowsWhatProvisionMakes proves that a survey writes nothing and shows, in order, just what is made then, with what the
// file declares; and that there is nothing to make after that.
func TestSurveyShowsWhatProvisionMakes(t *testing.T) {
	for _, version := range []string{"2026-09", "v3"} {
		server, rec, p := simulate(t, version, hubspottest.Switches{})
		conn := &Connection{APIVersion: version}
		conn.Redirect(rec.url, "token")
		c, in := declared()
		needs := append(c.Needs(in), Need{Object: "contacts", Labels: []NeedLabel{{To: "companies", Label: "Patron"}}}, Need{Object: "boats"})
		want := []Step{
			{Make: "group", Object: "contacts", Name: "sluice"},
			{Make: "property", Object: "contacts", Name: "person_id", Type: "string", Unique: true},
			{Make: "property", Object: "contacts", Name: "tier", Type: "enumeration", Options: []string{"gold", "silver"}},
			{Make: "property", Object: "contacts", Name: "score", Type: "number"},
			{Make: "group", Object: "contacts", Name: "badges"},
			{Make: "property", Object: "contacts", Name: "badge", Type: "string", Unique: true},
			{Make: "property", Object: "contacts", Name: "comment", Type: "string"},
			{Make: "object", Object: "boats"},
			{Make: "label", Object: "contacts", To: "companies", Name: "Patron"},
		}
		steps, err := Survey(t.Context(), conn, needs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range steps {
			if steps[i].Account != "hubspot portal 62515" {
				t.Errorf("%s: step %d is in %q", version, i, steps[i].Account)
			}
			steps[i].Similar, steps[i].Account = "", ""
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", version, diff)
		}
		if sent := rec.sent("POST"); len(sent) > 0 {
			t.Errorf("%s: the survey sent %v", version, sent)
		}
		if err := Provision(t.Context(), conn, needs); err != nil {
			t.Fatal(err)
		}
		known, err := p.Properties(t.Context(), "contacts")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range known {
			if d.Name == "tier" && (d.Type != "enumeration" || d.Label != "Tier" || len(d.Options) != 2) || d.Name == "badge" && !d.HasUniqueValue {
				t.Errorf("%s: made %+v", version, d)
			}
		}
		if steps, err := Survey(t.Context(), conn, needs); err != nil || len(steps) > 0 {
			t.Errorf("%s: after that there are %v to make, %v", version, steps, err)
		}
		server.Close()
	}
}

// TestSurveyComplainsOfWhatCannotBeMade proves that what exists is an error where it isn't as it is needed, all of it told at once,
// and that an object doesn't get more unique properties than HubSpot allows.
func TestSurveyComplainsOfWhatCannotBeMade(t *testing.T) {
	_, rec, _ := simulate(t, "2026-09", hubspottest.Switches{})
	conn := &Connection{APIVersion: "2026-09"}
	conn.Redirect(rec.url, "token")
	c := &Config{Object: "contacts", Match: []string{"phone"}, Properties: map[string]Property{
		"firstname": {Type: "number"}, "lifecyclestage": {Type: "enumeration", Options: []string{"lead", "martian"}},
	}}
	needs := c.Needs(schema("=phone"))
	many := Need{Object: "companies"}
	for i := range 12 {
		many.Properties = append(many.Properties, NeedProperty{Name: fmt.Sprintf("key_%d", i), Type: "string", FieldType: "text", Unique: true})
	}
	_, err := Survey(t.Context(), conn, append(needs, many))
	for _, want := range []string{"contacts.phone is there already, but isn't unique, and can't be made so", "contacts.firstname is there already, but its type is string, and the file declares number",
		`contacts.lifecyclestage is there already, but has no option "martian"`, "companies would have 1", "unique properties, but may have 10"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoesn't say %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), `"lead"`) {
		t.Errorf("an option that is there is complained of: %v", err)
	}
}

// TestProvisionOfAnotherObjectsName proves that a misspelt object is told with the object that was probably meant, and that a name
// which HubSpot keeps for itself is refused as one, rather than by the requests that would come after.
func TestProvisionOfAnotherObjectsName(t *testing.T) {
	_, rec, _ := simulate(t, "2026-09", hubspottest.Switches{})
	conn := &Connection{APIVersion: "2026-09"}
	conn.Redirect(rec.url, "token")
	needs := []Need{{Object: "contact", Properties: []NeedProperty{{Name: "person_id", Type: "string", FieldType: "text", Unique: true}}}}
	steps, err := Survey(t.Context(), conn, needs)
	if err != nil || len(steps) == 0 || steps[0].Similar != "contacts" {
		t.Errorf("a survey says %+v, %v", steps, err)
	}
	err = Provision(t.Context(), conn, needs)
	const want = `provision contact: unknown object "contact", and HubSpot doesn't let one of that name be made`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if e, ok := errors.AsType[*pipeline.FieldError](err); !ok || e.Hint != `did you mean "contacts"?` {
		t.Errorf("the hint of %#v isn't which object was probably meant", err)
	}
}

// TestProvisionNeedsScopes proves that a token that may not make properties is told which scope it lacks.
func TestProvisionNeedsScopes(t *testing.T) {
	server, rec, _ := simulate(t, "2026-09", hubspottest.Switches{})
	server.SetToken(hubspottest.Token{Value: "token", Scopes: []string{"oauth", "crm.objects.contacts.read", "crm.schemas.contacts.read"}})
	conn := &Connection{APIVersion: "2026-09"}
	conn.Redirect(rec.url, "token")
	c, in := declared()
	err := Provision(t.Context(), conn, c.Needs(in))
	if err == nil || !strings.Contains(err.Error(), "give the app or service key one of the scopes crm.schemas.contacts.write") {
		t.Errorf("got %v", err)
	}
}

// TestDeclaredProperties proves what is refused of declarations before anything is asked.
func TestDeclaredProperties(t *testing.T) {
	c := &Config{Connection: "crm", Object: "contacts", Match: []string{"key"}, Properties: map[string]Property{
		"a": {Type: "enumeration"}, "b": {Options: []string{"x"}}, "c": {Type: "date", Unique: true}, "key": {Type: "bool"}, "fine": {Type: "number", Unique: true},
	}}
	got := fieldErrors(c.Check())
	slices.Sort(got)
	for i, want := range []string{"properties.a.options: missing", "properties.b.options: only an enumeration", "properties.c.type: a unique property is", "properties.key.type: a unique property is"} {
		if len(got) != 4 || !strings.HasPrefix(got[i], want) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}
