package hubspot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

var worlds = map[string]hubspottest.Switches{
	"default":            {},
	"no trace echo":      {NoTraceEcho: true},
	"always 207":         {All207: true},
	"grouped errors":     {GroupErrors: true},
	"untraceable errors": {UntraceableErrors: true},
	"both blind":         {UntraceableErrors: true, NoTraceEcho: true},
	"key only":           {ResultKeyOnly: true, NoTraceEcho: true},
	"not atomic":         {NotAtomic: true, DuplicateCreate: "whole", ConflictWithoutID: true},
	"case sensitive":     {CaseSensitiveKeys: true, MissingCoordinates: true},
	"whole updates":      {UpdateInvalidWhole: true, RulesWhole: true},
}

// TestEveryWorld proves that rows end the same way whatever HubSpot does where its behaviour is unknown: written once if
// they are good, refused with HubSpot's reason if not. First they are made, then written again by id.
func TestEveryWorld(t *testing.T) {
	for name, switches := range worlds {
		for _, version := range []string{"2026-09", "v3"} {
			for _, mode := range []string{modeUpsert, modeCreate} {
				t.Run(name+"/"+version+"/"+mode, func(t *testing.T) {
					server, _, p := simulate(t, version, switches, extID)
					s := open(t, p, &Config{Object: "contacts", Mode: mode, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
					ends := drive(t, s, people(25, 3, 17))
					for i := range 25 {
						want := done
						if i == 3 || i == 17 {
							want = "invalid_email"
						}
						if got := ends[fmt.Sprintf("trace-%d", i)]; got != want {
							t.Errorf("row %d: %s, want %s", i, got, want)
						}
					}
					if n := server.Count("contacts"); n != 23 {
						t.Errorf("%d contacts, want 23", n)
					}
					if d := server.Duplicates("contacts", "ext_id"); len(d) > 0 {
						t.Errorf("duplicates: %v", d)
					}
				})
			}
		}
	}
}

// TestFaults proves that answers that are lost, cut or made up neither lose nor double a keyed row.
func TestFaults(t *testing.T) {
	for name, fault := range map[string]hubspottest.Fault{
		"gateway, nothing written": {Status: 502, Count: 1},
		"gateway, all written":     {Status: 504, After: true, Count: 1},
		"reset":                    {Kind: "reset", After: true, Count: 1},
		"truncated":                {Kind: "truncate", Count: 1},
		"cut":                      {Kind: "cut", Count: 1},
		"html":                     {Kind: "html", Count: 1},
		"empty":                    {Kind: "empty", Count: 1},
		"silent 207":               {Kind: "no_errors", Count: 1},
		"some written":             {Kind: "partial", Count: 1},
		"rate limit":               {Status: 429, Count: 1, Policy: "SECONDLY"},
	} {
		for _, mode := range []string{modeUpsert, modeCreate} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
				s := open(t, p, &Config{Object: "contacts", Mode: mode, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
				spoil := fault // the other mode runs at the same time
				spoil.Path = "contacts/batch/(create|upsert)"
				server.SetFaults(spoil)
				for trace, got := range drive(t, s, people(12)) {
					if got != done {
						t.Errorf("%s: %s", trace, got)
					}
				}
				if n := server.Count("contacts"); n != 12 {
					t.Errorf("%d contacts, want 12", n)
				}
			})
		}
	}
}

func must(t *testing.T, server *hubspottest.Server, e hubspottest.Edit) hubspottest.Record {
	t.Helper()
	r, err := server.Edit(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestConflict proves both answers to a row whose address another contact has.
func TestConflict(t *testing.T) {
	for _, test := range []struct {
		mode, onConflict, want string
		count                  int
	}{
		{modeCreate, conflictReject, "conflict", 3},
		{modeUpsert, conflictReject, "conflict", 3},
		{modeCreate, conflictUpdate, done, 3},
		{modeUpsert, conflictUpdate, done, 3},
	} {
		for name, switches := range worlds {
			server, _, p := simulate(t, "2026-09", switches, extID)
			other := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "p1@example.com"}})
			s := open(t, p, &Config{Object: "contacts", Mode: test.mode, Match: []string{"ext_id"}, OnConflict: test.onConflict}, schema("=ext_id", "=email", "=firstname"))
			ends := drive(t, s, people(3))
			if ends["trace-0"] != done || ends["trace-1"] != test.want || ends["trace-2"] != done {
				t.Errorf("%s, %s, %s: %v", name, test.mode, test.onConflict, ends)
			}
			if n := server.Count("contacts"); n != test.count {
				t.Errorf("%s, %s, %s: %d contacts", name, test.mode, test.onConflict, n)
			}
			if r, _ := server.Record("contacts", other.ID); (r.Properties["ext_id"] == "E-1") != (test.want == done) {
				t.Errorf("%s, %s, %s: the other record is %v", name, test.mode, test.onConflict, r.Properties)
			}
		}
	}
}

// TestUpdateAndArchive proves that records are found by a unique property or named by id, and what becomes of those that
// aren't there.
func TestUpdateAndArchive(t *testing.T) {
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	a := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1", "email": "a@x.io"}})
	b := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-2"}})

	s := open(t, p, &Config{Object: "contacts", Mode: modeUpdate, Match: []string{"ext_id"}}, schema("=ext_id", "=city"))
	ends := drive(t, s, []pipeline.Change{change("1", "E-1", "Oslo"), change("9", "E-9", "Rome"), change("0", " ", "Bern"), change("1b", "E-1 ", "Kyiv")})
	for trace, want := range map[string]string{"trace-1": done, "trace-9": "not_found", "trace-0": "empty_match", "trace-1b": "key_collision"} {
		if ends[trace] != want {
			t.Errorf("%s: %s, want %s", trace, ends[trace], want)
		}
	}
	s = open(t, p, &Config{Object: "contacts", Mode: modeUpdate, Match: []string{recordID}}, schema("=hs_object_id", "=city"))
	ends = drive(t, s, []pipeline.Change{change("2", b.ID, "Lima"), change("3", "12x", "Lima"), change("4", "999999999", "Lima")})
	for trace, want := range map[string]string{"trace-2": done, "trace-3": "bad_id", "trace-4": purged} {
		if ends[trace] != want {
			t.Errorf("%s: %s, want %s", trace, ends[trace], want)
		}
	}
	for id, city := range map[string]string{a.ID: "Oslo", b.ID: "Lima"} {
		if r, _ := server.Record("contacts", id); r.Properties["city"] != city {
			t.Errorf("record %s: %v", id, r.Properties)
		}
	}
	for _, q := range rec.sent("/batch/update") {
		if strings.Contains(string(q.body), `"hs_object_id"`) {
			t.Errorf("the record id is sent as a property: %s", q.body)
		}
	}
	s = open(t, p, &Config{Object: "contacts", Mode: modeArchive, Match: []string{"ext_id"}}, schema("=ext_id"))
	outcomes, err := write(t, s, change("1", "E-1"), change("9", "E-9"))
	if err != nil || outcomes["trace-1"].Verdict != pipeline.Done || outcomes["trace-1"].NoOp || !outcomes["trace-9"].NoOp {
		t.Errorf("archive: %+v, %v", outcomes, err)
	}
	if n := server.Count("contacts"); n != 1 {
		t.Errorf("%d contacts are left", n)
	}
	settled, err := s.Settle(t.Context(), []pipeline.Change{
		{TraceID: "gone", Action: pipeline.Archive, ID: a.ID}, {TraceID: "there", Action: pipeline.Archive, ID: b.ID},
	})
	got := byTrace(t, settled)
	if err != nil || got["gone"].Verdict != pipeline.Done || got["there"].Verdict != pipeline.Found {
		t.Errorf("settled: %+v, %v", settled, err)
	}
}

// TestNulls proves when a property is left out, and when it is cleared.
func TestNulls(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1", "city": "Oslo", "phone": "1", "zip": "2"}})
	in := schema("=ext_id", "=city", "=phone", "=zip")
	in.Fields[2].Clear = true
	s := open(t, p, &Config{Object: "contacts", Match: []string{"ext_id"}}, in)
	c := change("1", "E-1", "", "", "")
	c.Values[1], c.Values[2] = pipeline.Value{}, pipeline.Value{}
	if _, err := write(t, s, c); err != nil {
		t.Fatal(err)
	}
	r, _ := server.Find("contacts", "ext_id", "E-1")
	if r.Properties["city"] != "Oslo" || r.Properties["phone"] != "" || r.Properties["zip"] != "" {
		t.Errorf("got %v", r.Properties)
	}
}

// TestFind proves that records are found in every spelling that HubSpot may answer in, by any number of values.
func TestFind(t *testing.T) {
	for name, switches := range map[string]hubspottest.Switches{"default": {}, "coordinates": {MissingCoordinates: true}} {
		server, _, p := simulate(t, "2026-09", switches, extID)
		var values []string
		for i := range 230 {
			must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": fmt.Sprintf("E-%d", i)}})
			values = append(values, fmt.Sprintf(" E-%d", i), fmt.Sprintf("none-%d", i))
		}
		known := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "mixed@case.io", "hs_additional_emails": ""}})
		s := open(t, p, &Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id"))
		found, err := s.Find(t.Context(), "contacts", "ext_id", append(values, "", "e-7"))
		if err != nil || len(found) != 231 || found["e-7"] != found[" E-7"] {
			t.Errorf("%s: found %d, %v", name, len(found), err)
		}
		found, err = s.Find(t.Context(), "contacts", "email", []string{"Mixed@Case.IO", "mixed@case.io ", "other@case.io"})
		if err != nil || len(found) != 2 || found["Mixed@Case.IO"] != known.ID {
			t.Errorf("%s: by email: %v, %v", name, found, err)
		}
		found, err = s.Find(t.Context(), "contacts", recordID, []string{known.ID, "1", "abc"})
		if err != nil || len(found) != 1 || found[known.ID] != known.ID {
			t.Errorf("%s: by id: %v, %v", name, found, err)
		}
	}
}

// TestMergedAndSecondary proves that a record that answers under another id, or by another address, is recognised, also where
// an answer has it twice.
func TestMergedAndSecondary(t *testing.T) {
	t.Run("once", func(t *testing.T) { mergedAndSecondary(t, false) })
	t.Run("twice", func(t *testing.T) { mergedAndSecondary(t, true) })
}

func mergedAndSecondary(t *testing.T, twice bool) {
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	if twice {
		hubspot := rec.handler
		rec.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { repeatResults(w, r, hubspot) })
	}
	a := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "a@x.io", "ext_id": "E-1"}})
	b := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "b@x.io"}})
	c := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "c@x.io"}})
	must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: a.ID, Other: b.ID})
	s := open(t, p, &Config{Object: "contacts", Match: []string{"email"}}, schema("=email"))
	found, err := s.Find(t.Context(), "contacts", recordID, []string{a.ID, b.ID, c.ID, "77"})
	if err != nil || len(found) != 3 || found[b.ID] != found[a.ID] {
		t.Errorf("by id: %v, %v", found, err)
	}
	found, err = s.Find(t.Context(), "contacts", "email", []string{"b@x.io", "c@x.io", "d@x.io"})
	if err != nil || found["b@x.io"] != idOf(t, server, "a@x.io") || found["c@x.io"] != c.ID || len(found) != 2 {
		t.Errorf("by a secondary address: %v, %v", found, err)
	}
}

// repeatResults answers as a handler does, but has each result of a batch twice.
func repeatResults(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	var batch map[string]any
	_ = json.Unmarshal(body, &batch)
	if results, ok := batch["results"].([]any); ok && strings.Contains(r.URL.Path, "/batch/") {
		batch["results"] = append(slices.Clone(results), results...)
		body, _ = json.Marshal(batch)
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

func idOf(t *testing.T, server *hubspottest.Server, email string) string {
	t.Helper()
	r, ok := server.Find("contacts", "email", email)
	if !ok {
		t.Fatalf("%s isn't there", email)
	}
	return r.ID
}

// TestTranslations proves that owners are found by their address and options by their label.
func TestTranslations(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Match: []string{"ext_id"}, Translate: map[string]string{"hubspot_owner_id": ownerEmail, "lifecyclestage": optionLabel}},
		schema("=ext_id", "=hubspot_owner_id", "=lifecyclestage", "=lastname"))
	ends := drive(t, s, []pipeline.Change{change("1", "E-1", "Ada@Example.com", "Lead", "A"), change("2", "E-2", "nobody@example.com", "Lead", "B")})
	if ends["trace-1"] != done || ends["trace-2"] != "unknown_owner" {
		t.Errorf("got %v", ends)
	}
	r, _ := server.Find("contacts", "ext_id", "E-1")
	if r.Properties["hubspot_owner_id"] != "41629779" || r.Properties["lifecyclestage"] != "lead" {
		t.Errorf("got %v", r.Properties)
	}
}
