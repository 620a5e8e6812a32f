package hubspot

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// answerShapes: a 207 that leaves out, repeats, reorders and invents. Rows are done or refused only where the answer says so
// of them; the rest is read back.
func answerShapes(t *testing.T) {
	for seed := range uint64(25) {
		w := newWorld(t, hubspottest.Options{})
		list := crowd(40, 5, 23)
		w.people(list)
		r := rand.New(rand.NewPCG(seed, 0))
		w.spoils(1+r.IntN(3), func(rw http.ResponseWriter, rec *httptest.ResponseRecorder) {
			rw.WriteHeader(http.StatusMultiStatus)
			_, _ = rw.Write(distort(t, r, rec.Body.Bytes()))
		})
		report, err := w.run()
		if err != nil || report.Written != 38 || report.Rejected != 2 {
			t.Errorf("seed %d: %+v, %v", seed, report, err)
		}
		w.has(list, 5, 23)
		if got := w.letters(); len(got) != 2 {
			t.Errorf("seed %d: %v", seed, got)
		}
		if n := w.portal.Stats().Writes["contacts create"]; n != 38 {
			t.Errorf("seed %d: %d records were made", seed, n)
		}
	}
}

// distort makes an answer that HubSpot might give on a bad day.
func distort(t *testing.T, r *rand.Rand, body []byte) []byte {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"results", "errors"} {
		items, _ := answer[part].([]any)
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		items = items[r.IntN(len(items)/2+1):]
		for i := range items {
			item, _ := items[i].(map[string]any)
			switch r.IntN(12) {
			case 0:
				delete(item, "objectWriteTraceId")
				delete(item, "properties")
			case 1:
				delete(item, "context")
			case 2:
				if part == "results" {
					item["objectWriteTraceId"] = "nobody's"
					delete(item, "properties")
				}
			case 3:
				items = append(items, item)
			case 4:
				items[i] = nil
			}
		}
		if answer[part] = items; r.IntN(8) == 0 {
			delete(answer, part)
		}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// coerced: HubSpot stores another spelling than was sent. That is no change of the source.
func coerced(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	list := crowd(30)
	w.people([]person{})
	for i := range list {
		list[i].email = strings.ToUpper(list[i].email)
	}
	w.people(list)
	w.well()
	w.settled()
	for i := range list {
		list[i].email = strings.ToLower(list[i].email)
	}
	w.has(list)
}

// poison: HubSpot refuses a whole request for one row or a few. They are found by halving, the others are written, and that
// costs at most 2k·⌈log2 100⌉ requests.
func poison(t *testing.T) {
	w := newWorld(t, hubspottest.Options{Switches: hubspottest.Switches{UpdateInvalidWhole: true}})
	w.people(crowd(100))
	w.well()
	list := crowd(100)
	try := func(version int, bad ...int) {
		next := crowd(100, bad...)
		for i := range next {
			next[i].name = fmt.Sprintf("Version %d of %d", version, i)
		}
		w.people(next)
		before := w.requests("/batch/update")
		report := w.well()
		if report.Written != int64(100-len(bad)) || report.Rejected != int64(len(bad)) || len(w.letters()) != len(bad) {
			t.Errorf("poison at %v: %+v", bad, report)
		}
		if n, most := w.requests("/batch/update")-before, 1+2*len(bad)*bits.Len(99); n > most {
			t.Errorf("poison at %v: %d requests, more than %d", bad, n, most)
		}
		for i := range next { // a refused row leaves what was there
			if !slices.Contains(bad, i) {
				list[i] = next[i]
			}
		}
		w.has(list)
	}
	for at := 0; at < 100; at += 11 {
		try(at, at)
	}
	try(101, 0, 99)
	try(102, 10, 30, 50, 70, 90)
	try(103, 40, 41, 42, 43, 44, 45)
}

// deletedProperty: a property is deleted while the run goes on. Nothing is wrong with the rows: the run stops.
func deletedProperty(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	const shoe = `{"name":"shoe","label":"Shoe","groupName":"contactinformation","type":"string","fieldType":"text"}`
	w.define("contacts", shoe)
	w.spec = strings.Replace(w.spec, "firstname: name", "firstname: name, shoe: id", 1)
	w.people(crowd(1000))
	w.at(4, "/batch/upsert", func() {
		if code, text := w.ask("DELETE", "/crm/v3/properties/contacts/shoe", ""); code > 299 {
			t.Errorf("delete the property: %d %s", code, text)
		}
	})
	w.stops(nil, "shoe")
	if list := w.letters(); len(list) > 0 {
		t.Errorf("rows are rejected for it: %v", list)
	}
	w.at(0, "", nil)
	if _, err := w.run(); err == nil || !strings.Contains(err.Error(), "shoe") {
		t.Errorf("without the property the next run ended with %v", err)
	}
	w.define("contacts", shoe)
	w.settled()
	w.has(crowd(1000))
}

// conflicts: another record has a unique value of a row. It is refused, or, where that is asked for, adopted.
func conflicts(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	list := crowd(120)
	other := must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": list[7].email, "firstname": "Somebody"}})
	w.people(list)
	report := w.well()
	if got := w.letters(); report.Rejected != 1 || !slices.Equal(got, []string{"p007 conflict"}) {
		t.Errorf("%+v, %v", report, got)
	}
	if r, _ := w.portal.Record("contacts", other.ID); r.Properties["firstname"] != "Somebody" {
		t.Errorf("the other record is %v", r.Properties)
	}
	w.spec = strings.Replace(w.spec, "match: ext_id", "match: ext_id, on_conflict: update", 1)
	list[7].name = "Mine"
	w.people(list)
	w.well()
	w.has(list)
	if r, _ := w.portal.Record("contacts", other.ID); r.Properties["ext_id"] != "p007" {
		t.Errorf("the other record is %v", r.Properties)
	}
	w.settled()
}

// conflictsWithRows: the other record is that of another row. Neither it nor what that row has written there is touched, also
// handedOver: an address is handed from one row to another, which is written first, or whose record a mirror archives. It is
// there after one run. Rows that keep an address that others have are sent twice, and then refused.
func handedOver(t *testing.T) {
	for _, sink := range []string{"match: ext_id", "match: ext_id, on_conflict: update", "mode: mirror, match: ext_id", "mode: create, match: ext_id"} {
		for _, whole := range []bool{true, false} {
			w := newWorld(t, hubspottest.Options{Switches: hubspottest.Switches{UpdateInvalidWhole: whole}})
			w.spec = strings.Replace(w.spec, "match: ext_id", sink, 1)
			list := crowd(300)
			if strings.Contains(sink, "create") {
				list = list[:2] // nothing is updated: nobody lets go of anything
			}
			w.people(list)
			w.well()
			switch {
			case strings.Contains(sink, "create"):
				list = append(list, person{"q1", "Two", list[1].email})
			case strings.Contains(sink, "mirror"):
				list[2].email = list[299].email // in the first request; the other one leaves
				list = list[:299]
			default:
				for _, move := range [][2]int{{0, 299}, {20, 21}, {150, 22}, {40, 141}, {141, 242}, {242, 243}} { // to the row, from that
					to, from := &list[move[0]], &list[move[1]]
					to.email, from.email = from.email, "new."+from.email
				}
			}
			w.people(list)
			report, err := w.run(massChange)
			rejected := int64(0)
			if strings.Contains(sink, "create") {
				rejected = 1
				list = list[:2]
			}
			if err != nil || report.Rejected != rejected {
				t.Errorf("%s, whole %v: %+v, %v; %v", sink, whole, report, err, w.letters())
			}
			w.settled()
			w.has(list)
		}
	}
}

// where the other row comes in the same request, can't be written by this run, or has left the source.
func conflictsWithRows(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.spec = strings.Replace(w.spec, "match: ext_id", "match: ext_id, on_conflict: update", 1)
	list := crowd(100) // of one request
	list[99].email = list[5].email
	w.people(list)
	report := w.well()
	if report.Rejected != 1 {
		t.Errorf("%+v, %v", report, w.letters())
	}
	w.has(list[:99])
	later := slices.Clone(list)
	later[7].email = "nobody at all"
	later[99].email = list[7].email
	w.people(later)
	if report = w.well(); report.Rejected != 2 {
		t.Errorf("%+v, %v", report, w.letters())
	}
	w.has(list[:99])
	later[99].name = "Again"
	w.people(append(slices.Clone(later[:7]), later[8:]...)) // it lets its record go, which is that of the other row at the end
	if report = w.well(); report.Rejected != 0 {
		t.Errorf("%+v, %v", report, w.letters())
	}
	w.has(append(slices.Clone(list[:7]), append(slices.Clone(list[8:99]), later[99])...))
}
