package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
)

func TestKnownFollowsDecisions(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{
			done("a", 1, hash(1), "10"), refused("b", 1, hash(2), "bad"),
			{Key: "c", Version: 1, Hash: hash(3), Held: true, Reject: reject("c", "sink", "in_doubt")},
			{Key: "d", Version: 0, ID: "40", Verdict: pipeline.Found},
			done("ключ|\\ \"'", 1, hash(5), "50"), done("two", 1, hash(6), "60"), done("two", 2, hash(7), ""),
		}})
		equal(t, "entries", r.known("never", "c", "a", "a", "b", "d", "ключ|\\ \"'", "two"), []pipeline.Entry{
			{}, {Version: 1, Held: true}, {Version: 1, Hash: hash(1), ID: "10"}, {Version: 1, Hash: hash(1), ID: "10"},
			{Version: 1, Rejected: hash(2)}, {ID: "40"}, {Version: 1, Hash: hash(5), ID: "50"}, {Version: 2, Hash: hash(7), ID: "60"},
		})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{
			done("b", 2, hash(4), "20"),                               // what was refused is fine now
			{Key: "c", Version: 2, ID: "30", Verdict: pipeline.Found}, // what was held is found
			refused("a", 2, hash(9), "bad"),                           // the destination still has the earlier content
		}})
		equal(t, "entries", r.known("a", "b", "c"), []pipeline.Entry{
			{Version: 2, Hash: hash(1), Rejected: hash(9), ID: "10"}, {Version: 2, Hash: hash(4), ID: "20"}, {Version: 2, ID: "30"},
		})
		other := begin(t, s, pipeline.Begin{Pipeline: "other"})
		equal(t, "another pipeline's entries", other.known("a"), []pipeline.Entry{{}})
	})
}

// TestManyAreWritten proves that a commit's rows get into the tables, and out of them, however many parts they are written in.
func TestManyAreWritten(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		for _, n := range []int{1, mostRows - 1, mostRows, mostRows + 1, 3*mostRows - 1} {
			r := begin(t, s, pipeline.Begin{Pipeline: fmt.Sprint("p", n)})
			for version := range int64(2) {
				var c pipeline.Commit
				var keys, were, are []string
				var entries []pipeline.Entry
				ids := map[string]string{}
				for i := range n {
					d := done(fmt.Sprint("key", i), version+1, hash(byte(i)), fmt.Sprint(1000+i))
					d.Sent = pipeline.SentOf(map[string]string{"name": fmt.Sprint("\"\\\n", i)})
					value := fmt.Sprintf("%d of %d, ", i, n)
					d.Record = &pipeline.RecordID{Object: "contacts", Property: "email", Value: fmt.Sprint(value, version), ID: d.ID}
					c.Decisions, keys, ids[d.Record.Value] = append(c.Decisions, d), append(keys, d.Key), d.ID
					were, are = append(were, fmt.Sprint(value, version-1)), append(are, d.Record.Value)
					entries = append(entries, pipeline.Entry{Version: version + 1, Hash: d.Hash, ID: d.ID, Sent: d.Sent, Match: d.Record.Value, MatchedBy: "email"})
				}
				r.commit(c)
				equal(t, "entries", r.known(keys...), entries)
				equal(t, "values that records have", emails(t, s, are), ids)
				equal(t, "values that they had", emails(t, s, were), map[string]string{})
			}
		}
	})
}

func emails(t *testing.T, s *store, values []string) map[string]string {
	t.Helper()
	ids, err := s.Records(t.Context(), account, "contacts", "email", values)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// So many keys that they are looked up in parts are answered in their order, those that the ledger doesn't have included.
func TestManyAreKnown(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		var c pipeline.Commit
		var asked []string
		var entries []pipeline.Entry
		var holdings []pipeline.Holding
		for i := range 103 {
			key, id := fmt.Sprintf("k%03d", (i*37)%103), fmt.Sprint(1000+i)
			asked = append(asked, key)
			if i%3 == 1 {
				entries = append(entries, pipeline.Entry{})
				continue
			}
			c.Decisions = append(c.Decisions, done(key, 1, hash(byte(i)), id))
			entries = append(entries, pipeline.Entry{Version: 1, Hash: hash(byte(i)), ID: id})
			holdings = append(holdings, pipeline.Holding{Key: key, Record: true})
		}
		r.commit(c)
		equal(t, "entries", r.known(asked...), entries)
		got, err := s.Holdings(t.Context(), "p", asked)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "holdings", got, holdings)
	})
}

// A decision of an older version than the ledger's changes nothing (I4).
func TestVersionNeverGoesBack(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 5, hash(5), "1")}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 4, hash(4), "2"), refused("a", 3, hash(3), "late")}})
		equal(t, "entry", r.known("a"), []pipeline.Entry{{Version: 5, Hash: hash(5), ID: "1"}})
		equal(t, "dead letters", codes(r.letters(Filter{Closed: true})), nil)
	})
}

func TestLedgerPagesByKey(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		want := []string{" ", "A", "Z", "a", "a b", "ab", "z", "ß", "é", "ü", "中"} // by bytes, whatever the locale
		var c pipeline.Commit
		for i, key := range want {
			c.Decisions = append(c.Decisions, done(key, 1, hash(byte(i)), fmt.Sprint(i)))
		}
		r.commit(c)
		var got []string
		for after := ""; ; {
			page, err := s.Ledger(t.Context(), "p", after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.Key)
			}
			after = got[len(got)-1]
		}
		equal(t, "keys", got, want)
	})
}

func TestRecordsAndOwners(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		d := done("k", 1, hash(1), "77")
		d.Record = &pipeline.RecordID{Object: "contacts", Property: "email", Value: "a@b.c", ID: "77"}
		moved := done("l", 1, hash(2), "78")
		moved.Record = &pipeline.RecordID{Object: "contacts", Property: "email", Value: "x@y.z", ID: "78"}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d, moved}})
		ids, err := s.Records(t.Context(), account, "contacts", "email", []string{"x@y.z", "none", "a@b.c", "not\x00text"})
		equal(t, "records", ids, map[string]string{"a@b.c": "77", "x@y.z": "78"})
		for _, of := range [][3]string{{"other account", "contacts", "email"}, {account, "companies", "email"}, {account, "contacts", "name"}} {
			none, err := s.Records(t.Context(), of[0], of[1], of[2], []string{"a@b.c"})
			if err != nil || len(none) > 0 {
				t.Errorf("records of %v: %v, %v", of, none, err)
			}
		}
		keys, err2 := s.Owners(t.Context(), "p", []string{"78", "1", ""})
		equal(t, "owners", keys, map[string]string{"78": "l"})
		ofSeveral(t, s, r)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
	})
}

// ofSeveral proves whose a record is that several rows have.
func ofSeveral(t *testing.T, s *store, r *played) {
	t.Helper()
	merged := func(key string, n byte) pipeline.Decision {
		d := done(key, 2, hash(n), "79")
		d.Merged = "former " + key
		return d
	}
	owned := func(want string, decisions ...pipeline.Decision) {
		t.Helper()
		r.commit(pipeline.Commit{Decisions: decisions})
		if keys, err := s.Owners(t.Context(), "p", []string{"79"}); err != nil || keys["79"] != want {
			t.Errorf("the record is %q's, want %q's: %v", keys["79"], want, err)
		}
	}
	for _, key := range []string{"a", "b", "c"} {
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done(key, 1, hash(2), "former "+key)}})
	}
	refused := merged("a", 3)
	refused.Verdict, refused.Reject = pipeline.Found, &pipeline.Reject{Key: "a", Stage: "sink", Code: "merged"}
	owned("a", refused)
	owned("b", merged("b", 4), merged("c", 5))
	if _, _, err := s.Retry(t.Context(), Filter{Pipeline: "p", Key: "a"}); err != nil {
		t.Fatal(err)
	}
	owned("b")
	found := merged("b", 4)
	found.Verdict = pipeline.Found
	owned("c", found)
	owned("d", done("d", 1, hash(6), "79"))
}

// TestARecordIsLearntOnce proves that an update doesn't write again which record has its match value, but that it does once
// the value, the property or the record is another one, or the row's record was last learnt from somewhere else.
func TestARecordIsLearntOnce(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		record := func(property, value, id string) *pipeline.RecordID {
			return &pipeline.RecordID{Object: "things", Property: property, Value: value, ID: id}
		}
		told := func() map[string]string {
			all := map[string]string{}
			for _, property := range []string{"n", "o"} {
				ids, err := s.Records(t.Context(), account, "things", property, []string{"x", "y"})
				if err != nil {
					t.Fatal(err)
				}
				for value, id := range ids {
					all[property+" "+value] = id
				}
			}
			return all
		}
		r, other := begin(t, s, pipeline.Begin{}), begin(t, s, pipeline.Begin{Pipeline: "other"})
		for i, step := range []struct {
			name   string
			run    *played
			id     string
			record *pipeline.RecordID
			by     string
			want   map[string]string
		}{
			{"made", r, "1", record("n", "x", "1"), "n", map[string]string{"n x": "1"}},
			{"another pipeline learns better", other, "2", record("n", "x", "2"), "n", map[string]string{"n x": "2"}},
			{"updated", r, "1", record("n", "x", "1"), "n", map[string]string{"n x": "2"}},
			{"matched by another property", r, "1", record("o", "x", "1"), "o", map[string]string{"n x": "2", "o x": "1"}},
			{"another record, of which nothing is said", r, "3", nil, "", map[string]string{"n x": "2", "o x": "1"}},
			{"that record", r, "3", record("o", "x", "3"), "o", map[string]string{"n x": "2", "o x": "3"}},
			{"another value", r, "3", record("o", "y", "3"), "o", map[string]string{"n x": "2", "o y": "3"}},
			{"archived", r, "3", record("o", "y", ""), "", map[string]string{"n x": "2"}},
			{"made again", r, "4", record("o", "y", "4"), "o", map[string]string{"n x": "2", "o y": "4"}},
		} {
			d := done("k", int64(i+1), hash(byte(i+1)), step.id)
			d.Record, d.Before = step.record, &step.run.known("k")[0]
			step.run.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
			equal(t, step.name, told(), step.want)
			equal(t, step.name+": matched by", step.run.known("k")[0].MatchedBy, step.by)
		}
	})
}

// Text that a database would change or refuse is refused by name, before anything is written.
func TestTextThatCannotBeKept(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		for _, key := range []string{"nul\x00", "not utf-8 \xff"} {
			err := r.try(pipeline.Commit{Decisions: []pipeline.Decision{done("good", 1, hash(1), "1"), done(key, 1, hash(1), "1")}})
			if err == nil || !strings.Contains(err.Error(), "UTF-8 without NUL") {
				t.Errorf("commit of key %q: %v", key, err)
			}
			if _, err := s.Known(t.Context(), "p", []string{key}); err == nil {
				t.Errorf("key %q is looked up", key)
			}
		}
		equal(t, "entry", r.known("good"), []pipeline.Entry{{}})
		bad := reject("", "source", "bad")
		bad.Err = errors.New("a message with \x00 and \xff")
		r.commit(pipeline.Commit{Rejects: []pipeline.Reject{*bad}})
		if got := r.letters(Filter{})[0].Message; got != "a message with \uFFFD and \uFFFD" {
			t.Errorf("message %q", got)
		}
	})
}
