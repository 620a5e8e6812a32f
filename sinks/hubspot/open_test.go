package hubspot

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// simulate serves a portal that has what needs name, and returns it with a connection.
func simulate(t *testing.T, version string, switches hubspottest.Switches, needs ...Need) (*hubspottest.Server, *recorder, *portal) {
	t.Helper()
	server := hubspottest.New(hubspottest.Options{Seed: 1, Switches: switches})
	t.Cleanup(server.Close)
	rec, p := listen(t, server, version)
	conn := &Connection{APIVersion: version}
	conn.Redirect(rec.url, "token")
	if err := Provision(t.Context(), conn, needs); err != nil {
		t.Fatal(err)
	}
	rec.sent("")
	return server, rec, p
}

// schema returns the fields of rows: columns, properties ("=name") and links ("name>object.property").
func schema(fields ...string) *pipeline.Schema {
	s := &pipeline.Schema{}
	for _, f := range fields {
		if name, ok := strings.CutPrefix(f, "="); ok {
			s.Fields = append(s.Fields, pipeline.Field{Name: name, Type: pipeline.String, Role: pipeline.Property})
			continue
		}
		if name, target, ok := strings.Cut(f, ">"); ok {
			object, property, _ := strings.Cut(target, ".")
			s.Fields = append(s.Fields, pipeline.Field{Name: name, Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: object, Property: property}})
			continue
		}
		s.Fields = append(s.Fields, pipeline.Field{Name: f, Type: pipeline.String})
	}
	return s
}

// open opens a sink.
func open(t *testing.T, p *portal, c *Config, in *pipeline.Schema) *Sink {
	t.Helper()
	c.Connection = "crm"
	s, err := c.Open(t.Context(), env(p), in)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Sink)
}

// fieldErrors returns the errors joined in err, as "path: text" with the hint behind.
func fieldErrors(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, fieldErrors(e)...)
		}
		return all
	}
	if e, ok := errors.AsType[*pipeline.FieldError](err); ok {
		text := e.Error()
		if e.Hint != "" {
			text += "; " + e.Hint
		}
		return []string{text}
	}
	if err != nil {
		return []string{"not a field error: " + err.Error()}
	}
	return nil
}

// TestCheck proves that a configuration that is wrong by itself is refused before anything is asked of HubSpot, at the
// option that is to blame.
func TestCheck(t *testing.T) {
	link := func(a Associate) Config { return Config{Connection: "crm", Associate: &a} }
	ends := Associate{From: map[string]string{"contacts": "person"}, To: map[string]string{"companies": "company"}}
	labelled := ends
	labelled.Type, labelled.Label = 3, Label{Name: "Chair"}
	for _, test := range []struct {
		config Config
		want   string // the beginning of the only error
	}{
		{Config{Object: "contacts", Match: []string{"email"}}, "connection: missing"},
		{Config{Connection: "crm", Match: []string{"email"}}, "object: missing"},
		{Config{Connection: "crm", Object: "contacts"}, "match: missing: mode upsert"},
		{Config{Connection: "crm", Object: "contacts", Mode: "merge"}, `mode: unknown mode "merge"`},
		{Config{Connection: "crm", Object: "contacts", Mode: "mirror"}, "match: missing: mode mirror"},
		{Config{Connection: "crm", Object: "contacts", Mode: "mirror", Match: []string{recordID}}, "match: HubSpot can't upsert by"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, MaxArchive: &Quota{Share: 0.1}}, "max_archive: has no meaning in mode upsert"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Mode: "mirror", MaxArchive: &Quota{Share: 1.5}}, "max_archive: expected a percentage"},
		{Config{Connection: "crm", Object: "contacts", Mode: "link"}, "mode: link needs associate"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{recordID}}, "match: HubSpot can't upsert by"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, OnConflict: "ignore"}, `on_conflict: unknown value "ignore"`},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, OnGone: "skip"}, `on_gone: unknown value "skip": expected reject, recreate or ignore`},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Mode: "update", OnGone: "recreate"}, "on_gone: mode update makes no record; use mode upsert"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Mode: "create", OnGone: "reject"}, "on_gone: mode create updates no record; leave it out"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Mode: "archive", OnGone: "ignore"}, "on_gone: mode archive updates no record"},
		{Config{Connection: "crm", Associate: &ends, OnGone: "ignore"}, "on_gone: mode link updates no record"},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Translate: map[string]string{"a": "b"}}, `translate.a: unknown translation "b"`},
		{Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, Associations: []Association{{To: "companies"}}}, "associations.0.id: missing"},
		{link(labelled), "associate.label: give type or label"},
		{link(Associate{From: ends.From}), "associate.to: has 0 objects"},
		{Config{Connection: "crm", Associate: &ends, Mode: "upsert"}, `mode: unknown mode "upsert" of associate`},
		{Config{Connection: "crm", Associate: &ends, Object: "contacts"}, "associate: writes links only"},
	} {
		got := fieldErrors(test.config.Check())
		if len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestShare proves how a share may be written.
func TestShare(t *testing.T) {
	for text, want := range map[string]float64{"10%": 0.1, "0.25": 0.25, " 5 % ": 0.05, "1": 1, "0": 0} {
		var s Share
		if err := s.SetShorthand(text); err != nil || s.Of != want {
			t.Errorf("%q: %v, %v; want %v", text, s.Of, err, want)
		}
	}
	for _, text := range []string{"", "10", "-1%", "NaN", "many", "0x1p-2", "1e-1_0"} {
		if err := new(Share).SetShorthand(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestPreflight proves that what HubSpot's own descriptions contradict is found before the first write, all at once.
func TestPreflight(t *testing.T) {
	needs := []Need{
		{Object: "contacts", Properties: []NeedProperty{{Name: "ext_id", Type: "string", FieldType: "text", Unique: true}}},
		{Object: "companies", Labels: []NeedLabel{{To: "companies", Label: "Sibling"}}, Properties: []NeedProperty{{Name: "ref", Type: "string", FieldType: "text", Unique: true}}},
	}
	_, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, needs...)
	for _, test := range []struct {
		name   string
		config Config
		in     *pipeline.Schema
		want   []string
	}{
		{"fine", Config{Object: "contacts", Match: []string{"ext_id"}}, schema("a", "=ext_id", "=firstname"), nil},
		{"email", Config{Object: "contacts", Match: []string{"email"}}, schema("=email"), nil},
		{"misspelt", Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id", "=firstnam", "=hs_createdate"), []string{
			`object: contacts have no property "firstnam", which map sends; did you mean "firstname"?`,
			`object: `,
		}},
		{"not there", Config{Object: "contacts", Match: []string{"account_code"}}, schema("=account_code", "=favourite_colour"), []string{
			`object: contacts have no property "account_code", which map sends; correct the name, or have sluice provision make the property`,
			`object: contacts have no property "favourite_colour", which map sends; correct the name, or have sluice provision make the property`,
			`match: contacts have no property "account_code"; correct the name, or have sluice provision make the property`,
		}},
		{"not unique", Config{Object: "companies", Match: []string{"domain"}}, schema("=domain"), []string{
			`match: property "domain" isn't unique: HubSpot would answer "Unable to perform update/upsert by non-unique companies property domain"; unique properties of companies are ref`,
		}},
		{"not mapped", Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=firstname"), []string{`match: property "ext_id" isn't mapped; add it to map`}},
		{"record id", Config{Object: "contacts", Match: []string{recordID}, Mode: "update"}, schema("=hs_object_id", "=firstname"), nil},
		{"record id sent", Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id", "=hs_object_id"), []string{`object: property "hs_object_id" of contacts is read-only`}},
		{"no object", Config{Object: "yachts", Match: []string{"ext_id"}}, schema("=ext_id"), []string{`object: unknown object "yachts"; correct the name, or have sluice provision make the custom object`}},
		{"singular", Config{Object: "company", Match: []string{"ext_id"}}, schema("=ext_id"), []string{`object: unknown object "company"; did you mean "companies"?`}},
		{"unknown object", Config{Object: "contcats", Match: []string{"ext_id"}}, schema("=ext_id"), []string{`object: unknown object "contcats"; did you mean "contacts"?`}},
		{"label", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "parent", Label: Label{Name: "Siblng"}}}},
			schema("=ref", "parent>companies.ref"), []string{`associations.0.label: no association label "Siblng" from companies to companies: expected "Sibling"`}},
		{"label not there", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "parent", Label: Label{Name: "Franchise"}}}},
			schema("=ref", "parent>companies.ref"), []string{`associations.0.label: no association label "Franchise" from companies to companies: expected "Sibling", "Parent Company" or "Child Company"; correct the name, or have sluice provision make the label`}},
		{"type", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "parent", Type: 4711}}},
			schema("=ref", "parent>companies.ref"), []string{`associations.0.type: no association type 4711 from companies to companies: there are `}},
		{"no such field", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "parnt", Type: 14}}},
			schema("=ref", "parent>companies.ref"), []string{`associations.0.id: no field of resolve and no column is named "parnt"; did you mean "parent"?`}},
		{"lookup by a property that isn't unique", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "parent", Type: 14}}},
			schema("=ref", "parent>companies.name"), []string{`associations.0.to: property "name" isn't unique`}},
		{"field of another object", Config{Object: "companies", Match: []string{"ref"}, Associations: []Association{{To: "companies", ID: "person"}}},
			schema("=ref", "person>contacts.ext_id"), []string{`associations.0.to: the field holds records of contacts`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Connection = "crm"
			s, err := test.config.Open(t.Context(), env(p), test.in)
			got := fieldErrors(err)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got  %s\nwant %s…", got[i], want)
				}
			}
			if err == nil {
				if account, _ := s.Account(t.Context()); account != "hubspot portal 62515" {
					t.Errorf("account %q", account)
				}
			}
		})
	}
	for _, q := range rec.sent("/batch/") {
		t.Errorf("the preflight wrote: %s %s", q.method, q.path)
	}
}

// TestOpenAsksAtOnce proves that the first description is asked for before the account has answered.
func TestOpenAsksAtOnce(t *testing.T) {
	_, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	described, hubspot := make(chan struct{}), rec.handler
	rec.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/properties/"):
			close(described)
		case strings.Contains(r.URL.Path, "/account-info/"):
			select {
			case <-described:
			case <-r.Context().Done():
			}
		}
		hubspot.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := &Config{Connection: "crm", Object: "contacts", Match: []string{"ext_id"}}
	if _, err := c.Open(ctx, env(p), schema("=ext_id")); err != nil {
		t.Error(err)
	}
}

// TestCredentials proves that a wrong token and a missing scope are told as such.
func TestCredentials(t *testing.T) {
	server := hubspottest.New(hubspottest.Options{Tokens: []hubspottest.Token{{Value: "other"}}})
	t.Cleanup(server.Close)
	_, p := listen(t, server, "2026-09")
	c := &Config{Connection: "crm", Object: "contacts", Match: []string{"email"}}
	_, err := c.Open(t.Context(), env(p), schema("=email"))
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong token: %v", err)
	}
	server.SetToken(hubspottest.Token{Value: "token", Scopes: []string{"oauth"}})
	_, err = c.Open(t.Context(), env(p), schema("=email"))
	if err == nil || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "scope") {
		t.Errorf("missing scope: %v", err)
	}
}

// TestNeeds proves that a fresh portal can be made ready for a pipeline, twice, and that the sink then opens: with a
// custom object, unique properties, lookups and labels.
func TestNeeds(t *testing.T) {
	in := schema("title", "=plate", "=model", "=role", "owner>contacts.badge")
	in.Fields[2].Type = pipeline.Int
	c := &Config{Object: "boats", Match: []string{"plate"}, Associations: []Association{{To: "contacts", ID: "owner", Label: Label{Name: "Skipper"}}}}
	want := []Need{
		{Object: "boats", Properties: []NeedProperty{{Name: "plate", Type: "string", FieldType: "text", Unique: true}, {Name: "model", Type: "number", FieldType: "number"}, {Name: "role", Type: "string", FieldType: "text"}}, Labels: []NeedLabel{{"contacts", "Skipper"}}},
		{Object: "contacts", Properties: []NeedProperty{{Name: "badge", Type: "string", FieldType: "text", Unique: true}}},
	}
	if diff := cmp.Diff(want, c.Needs(in)); diff != "" {
		t.Fatalf("needs (-want +got):\n%s", diff)
	}
	for _, version := range []string{"2026-09", "v3"} {
		_, rec, p := simulate(t, version, hubspottest.Switches{}, want...)
		conn := &Connection{APIVersion: version}
		conn.Redirect(rec.url, "token")
		if err := Provision(t.Context(), conn, want); err != nil {
			t.Errorf("%s: again: %v", version, err)
		}
		s := open(t, p, c, in)
		outcomes, err := write(t, s, change("a", "X-1", "7", "r"))
		if err != nil || outcomes["trace-a"].Verdict != pipeline.Done {
			t.Errorf("%s: %+v, %v", version, outcomes, err)
		}
	}
}

// TestNeedsOfLabels proves that the labels which map spells out are needed as those of the configuration are, each once, and
// that one which the account spells in another case is there.
func TestNeedsOfLabels(t *testing.T) {
	in := schema("title", "=plate", "=role", "owner>contacts.badge", "guest>contacts.badge")
	in.Fields[2].Fixed = []string{"Skipper", "Cook"}
	c := &Config{Object: "boats", Match: []string{"plate"}, Associations: []Association{
		{To: "contacts", ID: "owner", Label: Label{From: "role"}}, {To: "contacts", ID: "guest", Label: Label{Name: "Cook"}}, {To: "contacts", ID: "owner"},
	}}
	needs := c.Needs(in)
	if diff := cmp.Diff([]NeedLabel{{"contacts", "Skipper"}, {"contacts", "Cook"}}, needs[0].Labels); diff != "" {
		t.Fatalf("labels (-want +got):\n%s", diff)
	}
	_, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, needs...)
	open(t, p, c, in)
	conn := &Connection{APIVersion: "2026-09"}
	conn.Redirect(rec.url, "token")
	needs[0].Labels = []NeedLabel{{"contacts", "cook"}}
	if steps, err := Survey(t.Context(), conn, needs); err != nil || len(steps) > 0 {
		t.Errorf("of a label in another case: got %v, %v; want nothing to be made", steps, err)
	}
}

// TestConnection proves what a connection refuses, and that it can be pointed elsewhere.
func TestConnection(t *testing.T) {
	c := ConnectionKind.New().(*Connection)
	if got := fieldErrors(connectError(c)); len(got) != 1 || !strings.HasPrefix(got[0], "access_token: missing") {
		t.Errorf("got %q", got)
	}
	c.AccessToken, c.APIVersion = "secret", "v2"
	if got := fieldErrors(connectError(c)); len(got) != 1 || !strings.HasPrefix(got[0], `api_version: unknown version "v2"`) {
		t.Errorf("got %q", got)
	}
	c.APIVersion = "v3"
	c.Redirect("http://127.0.0.1:1", "other")
	p, err := c.Connect(t.Context(), pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := p.(*portal).landing; got != c.Timeout+c.Landing {
		t.Errorf("landing %v", got)
	}
}

func connectError(c *Connection) error {
	closer, err := c.Connect(context.Background(), pipeline.Env{})
	if err == nil {
		closer.Close()
	}
	return err
}

// TestQuota proves how a quota may be written, and that a number from 0 to 1 isn't taken for a share.
func TestQuota(t *testing.T) {
	for text, want := range map[string]Quota{"5%": {Share: 0.05}, "200": {Count: 200}, " 0 ": {}, "1": {Count: 1}, "100 %": {Share: 1}} {
		var q Quota
		if err := q.SetShorthand(text); err != nil || q != want {
			t.Errorf("%q: %+v, %v; want %+v", text, q, err, want)
		}
	}
	for _, text := range []string{"", "0.1", "-1", "101%", "some"} {
		if err := new(Quota).SetShorthand(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
