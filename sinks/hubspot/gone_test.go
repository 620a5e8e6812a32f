package hubspot

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// missingWorlds are the ways that HubSpot is reported to answer an update of a record that isn't there.
func missingWorlds() map[string]hubspottest.Switches {
	worlds := map[string]hubspottest.Switches{}
	for _, mode := range []string{"a", "b", "c", "d"} {
		worlds[mode] = hubspottest.Switches{UpdateMissing: mode}
		worlds[mode+", no echo"] = hubspottest.Switches{UpdateMissing: mode, NoTraceEcho: true}
		worlds[mode+", merged ids are missing"] = hubspottest.Switches{UpdateMissing: mode, UpdateMerged: "missing"}
		worlds[mode+", merged ids lead to the survivor"] = hubspottest.Switches{UpdateMissing: mode, UpdateMerged: "follow"}
		worlds[mode+", both blind"] = hubspottest.Switches{UpdateMissing: mode, UpdateMerged: "follow", NoTraceEcho: true}
		worlds[mode+", new id of a merge"] = hubspottest.Switches{UpdateMissing: mode, MergeNewID: true}
	}
	return worlds
}

// known makes n contacts by the sink and returns their rows, with new content and the records' ids.
func known(t *testing.T, server *hubspottest.Server, s *Sink, n int) []pipeline.Change {
	t.Helper()
	rows := people(n)
	drive(t, s, rows)
	for i := range rows {
		r, ok := server.Find("contacts", "ext_id", fmt.Sprintf("E-%d", i))
		if !ok {
			t.Fatalf("row %d isn't there", i)
		}
		rows[i].ID = r.ID
		rows[i].Values[2] = pipeline.StringValue("New")
	}
	return rows
}

// TestGone proves, whatever HubSpot answers to updates of records that aren't there, that archived ones and deleted ones
// are told apart, that merged ones are written under the id of their survivor, and that the other rows of the request
// are written.
func TestGone(t *testing.T) {
	for name, switches := range missingWorlds() {
		for _, version := range []string{"2026-09", "v3"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				t.Parallel()
				server, _, p := simulate(t, version, switches, extID)
				s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
				rows := known(t, server, s, 9)
				must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: rows[1].ID})
				must(t, server, hubspottest.Edit{Action: "delete", Object: "contacts", ID: rows[2].ID})
				survivor := must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: rows[8].ID, Other: rows[3].ID})
				must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: rows[5].ID, Other: rows[4].ID})
				must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: rows[5].ID}) // the survivor of row 4
				rows[3].Values[0], rows[3].Values[1] = pipeline.StringValue("E-8"), pipeline.StringValue("p8@example.com")

				ends, ids := driveIDs(t, s, rows[:8])
				want := map[int]string{1: gone, 2: purged, 4: gone, 5: gone}
				for i := range 8 {
					if got := ends[rows[i].TraceID]; got != or(want[i], done) {
						t.Errorf("row %d: %s, want %s", i, got, or(want[i], done))
					}
				}
				if got := ids[rows[3].TraceID]; got != survivor.ID {
					t.Errorf("the merged row's id is %s, want the survivor's, %s", got, survivor.ID)
				}
				for _, i := range []int{0, 6, 7} {
					if r, _ := server.Record("contacts", rows[i].ID); r.Properties["firstname"] != "New" {
						t.Errorf("row %d isn't written: %v", i, r.Properties)
					}
				}
				if n := server.Count("contacts"); n != 4 {
					t.Errorf("%d contacts are live, want 4", n)
				}
			})
		}
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// TestGoneWhole proves that a whole request which is refused for records that aren't there costs its other rows nothing,
// and that an error is believed only after a look.
func TestGoneWhole(t *testing.T) {
	const notThere = `{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{%s}}`
	for name, test := range map[string]struct {
		status  int
		context string
		want    map[string]string // of rows 701, 702 and 703, of which only 702 isn't there
	}{
		"named":          {404, `"ids":["702"]`, map[string]string{"a": done, "b": gone, "c": done}},
		"named as a 400": {400, `"ids":["702"]`, map[string]string{"a": done, "b": gone, "c": done}},
		"named by trace": {404, `"objectWriteTraceId":["trace-b"]`, map[string]string{"a": done, "b": gone, "c": done}},
		"unnamed":        {404, ``, map[string]string{"a": done, "b": gone, "c": done}},
		"named by blank": {404, `"ids":[""]`, map[string]string{"a": done, "b": gone, "c": done}},
		"all named":      {404, `"ids":["701","702","703"]`, map[string]string{"b": gone}},
		"wrongly named":  {404, `"ids":["701"]`, map[string]string{"b": gone, "c": done}},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				body := string(data)
				switch {
				case strings.HasSuffix(r.URL.Path, "/batch/update") && strings.Contains(body, `"702"`):
					w.WriteHeader(test.status)
					fmt.Fprintf(w, notThere, test.context)
				case r.URL.Query().Get("archived") == "true":
					io.WriteString(w, results(body, "702"))
				default:
					io.WriteString(w, results(body, "701", "703"))
				}
			}), "2026-09")
			s := contacts(p, modeUpsert, "email", "email")
			var rows []pipeline.Change
			for i, key := range []string{"a", "b", "c"} {
				c := change(key, key+"@x.io")
				c.ID = fmt.Sprint(701 + i)
				rows = append(rows, c)
			}
			outcomes, err := write(t, s, rows...)
			ends := map[string]string{}
			end(ends, map[string]string{}, outcomes)
			got := fmt.Sprint(ends["trace-a"], " ", ends["trace-b"], " ", ends["trace-c"])
			if want := fmt.Sprint(test.want["a"], " ", test.want["b"], " ", test.want["c"]); got != want || err != nil {
				t.Errorf("got %q, want %q (%v)", got, want, err)
			}
		})
	}
}

// results answers for those of the records 701 to 703 that a body names: by results, or, if they aren't there, by errors.
func results(body string, there ...string) string {
	var list, errs []string
	for i, id := range []string{"701", "702", "703"} {
		switch {
		case !strings.Contains(body, `"`+id+`"`):
		case slices.Contains(there, id):
			list = append(list, fmt.Sprintf(`{"id":%q,"objectWriteTraceId":"trace-%c"}`, id, "abc"[i]))
		default:
			errs = append(errs, fmt.Sprintf(`{"category":"OBJECT_NOT_FOUND","context":{"ids":[%q]}}`, id))
		}
	}
	return `{"status":"COMPLETE","results":[` + strings.Join(list, ",") + `],"errors":[` + strings.Join(errs, ",") + `]}`
}

// TestGoneUnread proves that a record isn't called gone before it is known whether it can come back.
func TestGoneUnread(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	rows := known(t, server, s, 3)
	must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: rows[1].ID})
	for nth := 1; nth <= 2; nth++ { // the readings of live records and of the recycle bin
		server.SetFaults(hubspottest.Fault{Path: "batch/read", Status: 500, Skip: nth - 1})
		outcomes, err := write(t, s, rows...)
		if err != nil || len(outcomes) != 2 || outcomes["trace-1"].Verdict != 0 {
			t.Errorf("reading %d: %+v, %v", nth, outcomes, err)
		}
		server.SetFaults(hubspottest.Fault{Path: "batch/read", Status: 500, Skip: nth - 1})
		c := rows[1]
		c.Action = pipeline.Update
		if settled, err := s.Settle(t.Context(), []pipeline.Change{c}); err == nil || len(settled) > 0 {
			t.Errorf("settled after reading %d failed: %+v, %v", nth, settled, err)
		}
	}
}

// TestGoneAdvice proves that a person is told which record is gone, whether it can come back, and what to do.
func TestGoneAdvice(t *testing.T) {
	for _, test := range []struct{ mode, match, verb, want string }{
		{modeUpsert, "ext_id", "archive", "record %s of contacts was archived in HubSpot: restore it there and use `sluice rejects retry`, take the row out of the source, or set on_gone to recreate or ignore"},
		{modeUpdate, "ext_id", "archive", "record %s of contacts was archived in HubSpot: restore it there and use `sluice rejects retry`, take the row out of the source, or set on_gone to ignore"},
		{modeUpsert, "ext_id", "delete", "record %s of contacts was deleted from HubSpot for good, and is never made again: take the row out of the source"},
		{modeUpdate, recordID, "delete", "contacts have no record %s, nor has their recycle bin: it was deleted for good, or never was there; correct the row, or take it out of the source"},
	} {
		server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
		made := open(t, p, &Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
		row := known(t, server, made, 1)[0]
		must(t, server, hubspottest.Edit{Action: test.verb, Object: "contacts", ID: row.ID})
		s := open(t, p, &Config{Object: "contacts", Mode: test.mode, Match: []string{test.match}}, schema("="+test.match, "=email", "=firstname"))
		if test.match == recordID {
			row.Values[0] = pipeline.StringValue(row.ID)
		}
		outcomes, err := write(t, s, row)
		o := outcomes[row.TraceID]
		if err != nil || o.Verdict != pipeline.Gone || o.Purged != (test.verb == "delete") || code(o) != "gone" {
			t.Fatalf("%s, %s: %+v, %v", test.mode, test.verb, o, err)
		}
		if want := fmt.Sprintf(test.want, row.ID); o.Err.Error() != want {
			t.Errorf("got  %s\nwant %s", o.Err, want)
		}
	}
}

// TestGoneIgnored proves that with on_gone: ignore the row of a record that is gone, be it for good, is no reject of any run,
// also after it has changed.
func TestGoneIgnored(t *testing.T) {
	s := newStage(t, Config{OnGone: goneIgnore}, nil)
	s.run()
	s.people()
	for _, content := range []string{"second", "third"} {
		s.fill(content)
		for range 2 {
			if report := s.run(); report.Rejected != 4 { // badRow, conflictRow, collisionRow, swallowedRow
				t.Errorf("%s: %d rows are rejected, want 4: %+v", content, report.Rejected, report)
			}
		}
		s.again()
	}
}

// TestGoneNeverThere proves that on_gone: ignore doesn't hide that a row names a record which never was there.
func TestGoneNeverThere(t *testing.T) {
	s := newStage(t, Config{Mode: modeUpdate, OnGone: goneIgnore}, nil)
	s.sink.Match = []string{recordID}
	s.source = table{columns: []string{"id", recordID, "firstname"}, rows: [][]string{{"1", "987654321", "first"}}}
	for range 2 {
		if report := s.run(); report.Rejected != 1 {
			t.Errorf("not rejected: %+v", report)
		}
		s.source.rows[0][2] = "second"
	}
}

// TestOnGoneLimits proves that the engine is told the policy.
func TestOnGoneLimits(t *testing.T) {
	for text, want := range map[string]pipeline.OnGone{"": pipeline.RejectGone, "reject": pipeline.RejectGone, "recreate": pipeline.RecreateGone, "ignore": pipeline.IgnoreGone} {
		c := &Config{Connection: "crm", Object: "contacts", Match: []string{"email"}, OnGone: text}
		if err := c.Check(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := contacts(&portal{}, modeUpsert, "email", "email").newLimits(c).OnGone; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
