package hubspot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// changedFile: what the source is read from changes between two runs or under a run: rows come, go and change. No row is
// lost or doubled, and what has left the source stays in HubSpot.
func changedFile(t *testing.T) {
	old := crowd(1600)
	grown := crowd(1800)
	changed := crowd(1600)
	for i := range changed {
		changed[i].name += " changed"
	}
	for name, now := range map[string][]person{"appended": grown, "cut short": old[:1100], "replaced": changed, "other order": reversed(old)} {
		for _, during := range []int{0, 9} {
			for _, rename := range []bool{false, true} {
				w := newWorld(t, hubspottest.Options{})
				w.people(old)
				change := func() {
					if rename {
						file := filepath.Join(w.dir, "people.csv")
						if err := os.Rename(file, file+".old"); err != nil {
							t.Error(err)
						}
					}
					w.people(now)
				}
				if during == 0 {
					w.faults(hubspottest.Fault{Status: 403, Path: writes, Skip: 8}) // stops in the middle
					w.stops(nil)
					change()
				} else {
					w.at(during, "/batch/upsert", change)
					if _, err := w.run(); err != nil && !strings.Contains(err.Error(), "run again") {
						t.Errorf("%s during request %d: %v", name, during, err)
					}
				}
				w.settled()
				w.holds(now)
				if n := w.portal.Stats().Writes["contacts create"]; n != int64(w.portal.Count("contacts")) || n > 1800 {
					t.Errorf("%s at %d: %d records were made, %d are there", name, during, n, w.portal.Count("contacts"))
				}
			}
		}
	}
}

func reversed(list []person) []person {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// holds expects people among HubSpot's contacts; others may be there as well.
func (w *world) holds(list []person) {
	w.Helper()
	for _, p := range list {
		r, ok := w.portal.Find("contacts", "ext_id", p.id)
		if !ok || r.Properties["firstname"] != p.name {
			w.Errorf("contact %s is %v, want %s", p.id, r.Properties, p.name)
			return
		}
	}
	if d := w.portal.Duplicates("contacts", "ext_id"); len(d) > 0 {
		w.Errorf("duplicates: %v", d)
	}
}

// drift: the source's columns change. One more is no matter; one that is missing, or of another name, stops before
// anything is written.
func drift(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(20))
	w.well()
	written := len(w.portal.Writes())
	for _, test := range []struct{ header, row, want string }{
		{"id,name", "p000,Changed", `"email"`},
		{"id,nom,email", "p000,Changed,a@b.io", `"name"`},
		{"key,name,email", "p000,Changed,a@b.io", `"id"`},
		{"", "", "people.csv"},
		{"id,name,email,id", "p000,Changed,a@b.io,p001", `"id"`},
	} {
		w.write("people.csv", []byte(test.header+"\n"+test.row+"\n"))
		w.stops(nil, test.want)
		if n := len(w.portal.Writes()); n != written {
			t.Errorf("header %q: %d writes", test.header, n-written)
		}
	}
	list := crowd(20)
	list[0].name = "Changed"
	w.write("people.csv", []byte("more,email,id,name\nx,p000@example.com,p000,Changed\n"))
	w.well()
	w.has(list)
}

// badKeys: rows without a key of their own are refused, each with its reason, and counted.
func badKeys(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	long := strings.Repeat("k", 70_000)
	w.write("people.csv", []byte("id,name,email\n"+
		"p000,Name 0,p000@example.com\n"+
		",no key,a@example.com\n"+
		"\"\",empty key,b@example.com\n"+
		"\"  \",blank key,c@example.com\n"+
		"nul\x00key,a NUL,d@example.com\n"+
		long+",too long,e@example.com\n"+
		"\"line\nbreak\",Odd,f@example.com\n"))
	report := w.well()
	if report.Read != 7 || report.Rejected+report.Written != 7 || report.Written > 2 {
		t.Errorf("%+v; %v", report, w.letters())
	}
	w.holds(crowd(1))
	again := w.well()
	if again.Written != 0 || again.Rejected != report.Rejected {
		t.Errorf("one more run: %+v", again)
	}
}

// foldedKeys: keys that differ in the source, but not in HubSpot. One of them is written, by order, the others are refused.
func foldedKeys(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	list := append(crowd(30), person{" p004 ", "Other", "x1@example.com"}, person{"p005  ", "Other", "x2@example.com"})
	w.people(list)
	report := w.well()
	got := w.letters()
	slices.Sort(got)
	if report.Written != 30 || !slices.Equal(got, []string{" p004  key_collision", "p005   key_collision"}) {
		t.Errorf("%+v; %v", report, got)
	}
	w.has(crowd(30))
	w.settled()
	w.has(crowd(30))
}

// repeatedKeys: of rows with one key the last wins, within a batch of the source and across batches, and the others are
// counted; no request holds a key twice, and no older value comes after a newer one.
func repeatedKeys(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	var rows []person
	for round := range 3 {
		for i, p := range crowd(700) {
			p.name = fmt.Sprintf("Round %d", round)
			if i%2 == 0 || round == 0 {
				rows = append(rows, p)
			}
		}
	}
	w.people(rows)
	report := w.well()
	if report.Read != int64(len(rows)) || report.Written+report.Superseded != report.Read || report.Superseded == 0 {
		t.Errorf("%+v", report)
	}
	last := map[string]string{}
	for _, write := range w.portal.Writes() {
		round := write.Properties["firstname"]
		if round < last[write.ID] {
			t.Errorf("record %s went from %q back to %q", write.ID, last[write.ID], round)
		}
		last[write.ID] = round
	}
	for _, q := range w.portal.Requests() {
		if traces := slices.Clone(q.Traces); len(slices.Compact(sorted(traces))) != len(traces) {
			t.Errorf("%s holds a trace id twice", q.Path)
		}
	}
	want := crowd(700)
	for i := range want {
		want[i].name = fmt.Sprintf("Round %d", 2*(1-i%2))
	}
	w.has(want)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// otherMapping: what is mapped changes between two runs, and then all rows are written again. With another key all rows are
// new ones, but their records belong to the rows that have written them: they are refused, and nothing is written.
func otherMapping(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(150))
	w.well()
	w.spec = strings.Replace(w.spec, "firstname: name", "firstname: name, lastname: id", 1)
	if r := w.well(); r.Written != 150 {
		t.Errorf("another mapping: %+v", r)
	}
	w.settled()
	w.has(crowd(150))
	old := w.spec
	w.spec = strings.Replace(w.spec, "key: id", "key: [id, name]", 1)
	if r := w.well(); r.Written != 0 || r.Rejected != 150 || !strings.Contains(w.letters()[0], "key_collision") {
		t.Errorf("another key: %+v", r)
	}
	w.spec = old
	w.settled()
	w.has(crowd(150))
	w.spec = strings.NewReplacer("key: id", "key: [id, name]", "match: ext_id", "match: email").Replace(w.spec)
	if r := w.well(); r.Written != 0 || r.Rejected != 150 || !strings.Contains(w.letters()[0], "key_collision") {
		t.Errorf("another key, and matched by something else: %+v", r)
	}
	if r := w.well(); r.Written != 150 || len(w.letters()) != 0 {
		t.Errorf("the run after that: %+v, %d letters", r, len(w.letters()))
	}
	w.settled()
	w.has(crowd(150))
}

// interrupted: a run that is asked to stop finishes what is in flight, and the next one writes the rest, each row once.
func interrupted(t *testing.T) {
	for _, n := range []int{1, 13} {
		w := newWorld(t, hubspottest.Options{Latency: 300 * time.Millisecond})
		w.people(crowd(6000))
		drain := make(chan struct{})
		w.at(n, "/batch/upsert", func() { close(drain) })
		report, err := w.run(func(o *pipeline.Options) { o.Drain = drain })
		if report.Status != "interrupted" || report.Written == 0 {
			t.Errorf("asked to stop at request %d: %+v, %v", n, report, err)
		}
		if w.doubtful() != 0 {
			t.Errorf("asked to stop at request %d: %d rows are in doubt", n, w.doubtful())
		}
		w.settled()
		w.has(crowd(6000))
		if all := w.portal.Stats().Writes["contacts create"]; all != 6000 || len(w.portal.Writes()) != 6000 {
			t.Errorf("asked to stop at request %d: %d records, %d writes", n, all, len(w.portal.Writes()))
		}
	}
}
