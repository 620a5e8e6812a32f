package hubspot

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// TestSettleCreate proves that a create whose answer was lost is done only if the record with its match value holds all
// that was sent; otherwise it is written to where the configuration says so, and refused where it doesn't.
func TestSettleCreate(t *testing.T) {
	edit := func(action, id string, values ...string) hubspottest.Edit {
		e := hubspottest.Edit{Action: action, Object: "contacts", ID: id, Properties: map[string]string{}}
		for i := 0; i+1 < len(values); i += 2 {
			e.Properties[values[i]] = values[i+1]
		}
		return e
	}
	for _, test := range []struct {
		name   string
		edits  []hubspottest.Edit // of the record 0 that the create made; ID "own" is it
		adopt  string
		values bool // the change has its values
		id     bool // and the record's id, as of an earlier process
		want   pipeline.Verdict
		says   string
	}{
		{name: "as it was made", values: true, want: pipeline.Done},
		{name: "as it was made, of an earlier process", want: pipeline.Found},
		{name: "changed", edits: []hubspottest.Edit{edit("update", "own", "firstname", "X")}, values: true, want: pipeline.Refused,
			says: `record ID of contacts may be the one that this row (ext_id "E-0") has made, or somebody else's: its firstname isn't what was sent; look at it in HubSpot, and set on_conflict: update to write to it`},
		{name: "changed, adopted", edits: []hubspottest.Edit{edit("update", "own", "firstname", "X")}, adopt: conflictUpdate, values: true, want: pipeline.Found},
		{name: "changed, of an earlier process", edits: []hubspottest.Edit{edit("update", "own", "firstname", "X")}, want: pipeline.Found},
		{name: "emptied", edits: []hubspottest.Edit{edit("update", "own", "firstname", "", "email", "")}, values: true, want: pipeline.Refused, says: "its email, firstname isn't"},
		{name: "archived", edits: []hubspottest.Edit{edit("archive", "own")}, values: true, want: pipeline.Absent},
		{name: "archived, id known", edits: []hubspottest.Edit{edit("archive", "own")}, values: true, id: true, want: pipeline.Gone},
		{name: "key taken away", edits: []hubspottest.Edit{edit("update", "own", "ext_id", "E-77")}, values: true, want: pipeline.Absent},
		{name: "key taken away, id known", edits: []hubspottest.Edit{edit("update", "own", "ext_id", "E-77")}, values: true, id: true, want: pipeline.Refused, says: "its ext_id isn't"},
		{name: "lifecycle stage moved on by a workflow", edits: []hubspottest.Edit{edit("update", "own", "lifecyclestage", "customer")}, values: true, want: pipeline.Done},
	} {
		for world, switches := range worlds {
			t.Run(test.name+"/"+world, func(t *testing.T) {
				t.Parallel()
				server, _, p := simulate(t, "2026-09", switches, extID)
				s := open(t, p, &Config{Object: "contacts", Mode: modeCreate, Match: []string{"ext_id"}, OnConflict: test.adopt}, schema("=ext_id", "=email", "=firstname", "=lifecyclestage"))
				row := change("0", "E-0", "P0@example.com", "Name 0", "lead")
				if ends := drive(t, s, []pipeline.Change{row}); ends[row.TraceID] != done {
					t.Fatal(ends)
				}
				own, _ := server.Find("contacts", "ext_id", "E-0")
				for _, e := range test.edits {
					e.ID = own.ID
					must(t, server, e)
				}
				row.Action, row.Match, row.Sent = pipeline.Create, "E-0", time.Now()
				if test.id {
					row.ID = own.ID
				}
				if !test.values {
					row.Values = nil
				}
				settled, err := s.Settle(t.Context(), []pipeline.Change{row})
				if err != nil || len(settled) != 1 || settled[0].Verdict != test.want {
					t.Fatalf("got %+v, %v; want verdict %d", settled, err, test.want)
				}
				o := settled[0]
				if (o.Verdict == pipeline.Done || o.Verdict == pipeline.Found) && o.ID != own.ID {
					t.Errorf("record %s, want %s", o.ID, own.ID)
				}
				if says := strings.ReplaceAll(test.says, "ID", own.ID); o.Verdict == pipeline.Refused && (code(o) != "conflict" || !strings.Contains(o.Err.Error(), says)) {
					t.Errorf("got  %v\nwant %s", o.Err, says)
				}
			})
		}
	}
}

// TestSettleMerged proves that every way of reading a merged record back tells the survivor's id: alone, beside the
// survivor, two that were merged into the same one, and where ids are numbers.
func TestSettleMerged(t *testing.T) {
	for _, version := range []string{"2026-09", "2026-03", "v3"} {
		for _, switches := range []hubspottest.Switches{{}, {MergeNewID: true}, {MissingCoordinates: true}, {NumericIDs: "always"}} {
			server, _, p := simulate(t, version, switches, extID)
			s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
			rows := known(t, server, s, 5)
			survivor := must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: rows[0].ID, Other: rows[1].ID})
			survivor = must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: survivor.ID, Other: rows[2].ID})
			for _, asked := range [][]int{{1}, {1, 2}, {0, 1}, {0, 1, 2}, {1, 3}, {1, 2, 3, 4}} {
				var doubts []pipeline.Change
				for _, i := range asked {
					c := rows[i]
					c.Action = pipeline.Update
					doubts = append(doubts, c)
				}
				settled, err := s.Settle(t.Context(), doubts)
				got := byTrace(t, settled)
				if err != nil || len(got) != len(asked) {
					t.Fatalf("%s, %+v, asked for %v: %+v, %v", version, switches, asked, settled, err)
				}
				for _, i := range asked {
					want := rows[i].ID
					if i <= 2 {
						want = survivor.ID
					}
					if o := got[rows[i].TraceID]; o.Verdict != pipeline.Found || o.ID != want {
						t.Errorf("%s, %+v, asked for %v: row %d: %+v, want record %s", version, switches, asked, i, o, want)
					}
				}
			}
		}
	}
}

// TestMergedAnswer proves that an update that HubSpot carries out under another id gets that id, even where no trace id
// is echoed and the update was the only one.
func TestMergedAnswer(t *testing.T) {
	for _, switches := range []hubspottest.Switches{{UpdateMerged: "follow"}, {UpdateMerged: "follow", NoTraceEcho: true}} {
		server, _, p := simulate(t, "2026-09", switches, extID)
		s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
		rows := known(t, server, s, 2)
		survivor := must(t, server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: rows[0].ID, Other: rows[1].ID})
		outcomes, err := write(t, s, rows[1])
		if o := outcomes[rows[1].TraceID]; err != nil || o.Verdict != pipeline.Done || o.ID != survivor.ID {
			t.Errorf("%+v: got %+v, %v; want record %s", switches, o, err, survivor.ID)
		}
	}
}

// TestOneRecordOnce proves that a request never names a record twice, and that the second row is told which it collides with.
func TestOneRecordOnce(t *testing.T) {
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	rows := known(t, server, s, 3)
	rows[2].ID = rows[0].ID
	rec.sent("")
	outcomes, err := write(t, s, rows...)
	o := outcomes[rows[2].TraceID]
	want := `key "0" stands for the same record (record ` + rows[0].ID + `): a record can belong to one row only`
	if err != nil || code(o) != "key_collision" || o.Err.Error() != want {
		t.Errorf("got %+v, %v; want %s", o, err, want)
	}
	if sent := rec.sent("/batch/update"); len(sent) != 1 || strings.Count(string(sent[0].body), `"`+rows[0].ID+`"`) != 1 {
		t.Errorf("%d requests: %s", len(sent), sent[0].body)
	}
}

const retryWhenFree = "`sluice rejects retry` once it has let go of the value; if it is archived, restore it in HubSpot or delete it there for good first"

// TestConflictNames proves that a conflict names the record, the property and the row's value of it, and what to do.
func TestConflictNames(t *testing.T) {
	for _, test := range []struct {
		name, mode, onConflict string
		other                  map[string]string
		archive                bool
		want                   string
	}{
		{"address", modeUpsert, "", map[string]string{"email": "p0@example.com"}, false,
			`record ID of contacts already has email "P0@Example.com", which only one record can have; set on_conflict: update to write to that record, or use ` + retryWhenFree},
		{"address of an update", modeUpdate, "", map[string]string{"email": "p0@example.com"}, false,
			`record ID of contacts already has email "P0@Example.com", which only one record can have; use ` + retryWhenFree},
		{"key", modeCreate, "", map[string]string{"ext_id": "E-0"}, false,
			`record ID of contacts already has ext_id "E-0", which only one record can have; set on_conflict: update to write to that record, or use ` + retryWhenFree},
		{"second key", modeUpsert, "", map[string]string{"badge": "B {1}, x"}, false,
			`record ID of contacts already has badge "B {1}, x", which only one record can have; set on_conflict: update to write to that record, or use ` + retryWhenFree},
		{"key of a record that may be archived", modeCreate, "", map[string]string{"ext_id": "E-0"}, true,
			`record ID of contacts already has ext_id "E-0", which only one record can have; set on_conflict: update to write to that record, or use ` + retryWhenFree},
		{"key of an archived record", modeCreate, conflictUpdate, map[string]string{"ext_id": "E-0"}, true,
			`record ID of contacts (archived) already has ext_id "E-0", which only one record can have; restore it in HubSpot, or delete it there for good, then use ` + "`sluice rejects retry`"},
	} {
		t.Run(test.name, func(t *testing.T) {
			need := extID
			need.Properties = append(need.Properties[:1:1], NeedProperty{Name: "badge", Type: "string", FieldType: "text", Unique: true})
			server, _, p := simulate(t, "2026-09", hubspottest.Switches{ArchivedBlocksKey: true}, need)
			other := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: test.other})
			if test.archive {
				must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: other.ID})
			}
			s := open(t, p, &Config{Object: "contacts", Mode: test.mode, Match: []string{"ext_id"}, OnConflict: test.onConflict}, schema("=ext_id", "=email", "=firstname", "=badge"))
			row := change("0", "E-0", "P0@Example.com", "Name", "B {1}, x")
			if test.mode == modeUpdate {
				row.ID = must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-0"}}).ID
			}
			outcomes, err := write(t, s, row)
			o := outcomes[row.TraceID]
			if err != nil || code(o) != "conflict" {
				t.Fatalf("got %+v, %v", o, err)
			}
			if want := strings.ReplaceAll(test.want, "ID", other.ID); o.Err.Error() != want {
				t.Errorf("got  %s\nwant %s", o.Err, want)
			}
		})
	}
}

// TestBlockedByArchived proves that a create that was sent before and is in conflict with an archived record ends, instead
// of staying in doubt for ever.
func TestBlockedByArchived(t *testing.T) {
	for name, switches := range worlds {
		switches.ArchivedBlocksKey = true
		server, _, p := simulate(t, "2026-09", switches, extID)
		own := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-0", "email": "p0@example.com", "firstname": "Name 0"}})
		must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: own.ID})
		for _, adopt := range []string{conflictReject, conflictUpdate} {
			s := open(t, p, &Config{Object: "contacts", Mode: modeCreate, Match: []string{"ext_id"}, OnConflict: adopt}, schema("=ext_id", "=email", "=firstname"))
			c := people(1)[0]
			c.Sent = time.Now()
			outcomes, err := write(t, s, c)
			if o := outcomes[c.TraceID]; err != nil || code(o) != "conflict" {
				t.Errorf("%s, on_conflict %s: %+v, %v", name, adopt, o, err)
			}
		}
	}
}

// TestAdoptedIsArchived proves that an upsert that is in conflict with an archived record is refused, also where HubSpot passes
// over updates of such a record without a word.
func TestAdoptedIsArchived(t *testing.T) {
	_, p := listen(t, scripted(func(path string, body []byte) (int, string) {
		switch {
		case strings.HasSuffix(path, "/batch/upsert"):
			return 400, `{"category":"VALIDATION_ERROR","message":"Cannot set PropertyValueCoordinates{portalId=1, propertyName=ext_id, value=E-0} on new. 701 already has that value."}`
		case strings.HasSuffix(path, "/batch/update"):
			return 200, `{"status":"COMPLETE","results":[]}`
		}
		return 207, `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["701"]}}]}`
	}), "2026-09")
	s := contacts(p, modeUpsert, "ext_id", "ext_id")
	s.adopt = true
	outcomes, err := write(t, s, change("a", "E-0"))
	if o := outcomes["trace-a"]; err != nil || code(o) != "conflict" {
		t.Errorf("got %+v, %v; want a conflict", o, err)
	}
}

// TestNewAlthoughKnown proves that a record which HubSpot makes for a key whose record was known doesn't go unnoticed.
func TestNewAlthoughKnown(t *testing.T) {
	for answer, warned := range map[string]bool{`"new":true`: true, `"new":false`: false, `"new":null`: false} {
		_, p := listen(t, scripted(func(string, []byte) (int, string) {
			return 200, `{"results":[{"id":"9","objectWriteTraceId":"trace-a",` + answer + `}]}`
		}), "2026-09")
		s := contacts(p, modeUpsert, "email", "email")
		var log bytes.Buffer
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		c := change("a", "a@x.io")
		c.Action, c.Match, c.ID = pipeline.Upsert, "a@x.io", "7"
		outcomes, err := s.Write(t.Context(), []pipeline.Change{c})
		if err != nil || len(outcomes) != 1 || outcomes[0].ID != "9" {
			t.Errorf("got %+v, %v", outcomes, err)
		}
		if got := strings.Contains(log.String(), "key=a known=7 record=9"); got != warned {
			t.Errorf("%s: logged %q", answer, &log)
		}
	}
}

// TestNotFoundPasses proves that a row whose record isn't there yet is tried again without being asked for: the record
// may be made by another pipeline.
func TestNotFoundPasses(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Mode: modeUpdate, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	row := people(1)[0]
	outcomes, err := write(t, s, row)
	if o := outcomes[row.TraceID]; err != nil || code(o) != "not_found" || !o.Passing {
		t.Errorf("got %+v, %v", o, err)
	}
	must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-0"}})
	if ends := drive(t, s, []pipeline.Change{row}); ends[row.TraceID] != done {
		t.Errorf("got %v", ends)
	}
}

// TestTokenExpires proves that rows are written once each while the access token expires again and again in the middle.
func TestTokenExpires(t *testing.T) {
	server := hubspottest.New(hubspottest.Options{
		Seed: 1, OAuth: hubspottest.OAuth{ClientID: "id", ClientSecret: "client secret", RefreshToken: "refresh token"}, Switches: hubspottest.Switches{TokenRequests: 3},
	})
	t.Cleanup(server.Close)
	rec, _ := listen(t, server, "2026-09")
	conn := ConnectionKind.New().(*Connection)
	conn.BaseURL, conn.OAuth = rec.url, &OAuth{ClientID: "id", ClientSecret: "client secret", RefreshToken: "refresh token"}
	if err := Provision(t.Context(), conn, []Need{extID}); err != nil {
		t.Fatal(err)
	}
	closer, err := conn.Connect(t.Context(), pipeline.Env{Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	s := open(t, closer.(*portal), &Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	rows := people(12)
	for _, row := range rows {
		if ends := drive(t, s, []pipeline.Change{row}); ends[row.TraceID] != done {
			t.Errorf("got %v", ends)
		}
	}
	if refreshed := len(rec.sent("/oauth/")); server.Count("contacts") != len(rows) || refreshed < 4 {
		t.Errorf("%d contacts, refreshed %d times", server.Count("contacts"), refreshed)
	}
}
