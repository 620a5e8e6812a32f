package torture

import (
	"maps"
	"slices"
	"strings"
)

// A want is what the promises make of the sources: worked out from them alone, in the simplest way.
type want struct {
	records  map[string]map[string]cells // by object and key: the properties of the record
	links    map[string]string           // "p001 > f010" → its labels
	rejected map[string]bool             // "firms f017": named by an open reject
	parked   map[string]bool             // "firms f009": waits for a record that isn't there
	overdue  map[string]bool             // and has waited too long: named by an open reject beside
	books    map[string]report           // of one more run, when all is done
	either   map[string]cells            // "deals d005": what the record may hold as well
}

// keyed are the objects that are written, with the property that holds the source's key.
var keyed = map[string]string{"companies": "firm_id", "contacts": "person_id", "deals": "deal_id", "products": "description", "tickets": "ticket_id"}

// wanted returns what is wanted of a source that has gone through its states up to the given one.
func wanted(c setup, state int) *want {
	w := &want{records: map[string]map[string]cells{}, links: map[string]string{}, rejected: map[string]bool{}, parked: map[string]bool{}, overdue: map[string]bool{}, books: map[string]report{}, either: map[string]cells{}}
	for object := range keyed {
		w.records[object] = map[string]cells{}
	}
	w.firms(c, state)
	w.people(state)
	w.deals(state)
	for _, row := range products(state).rows {
		w.records["products"][row["sku"]] = cells{"description": row["sku"], "name": row["name"]}
	}
	n := int64(len(products(state).rows))
	w.books["products"] = report{Read: n, Unchanged: n}
	w.memberships(state)
	w.tickets(state)
	return w
}

// firmFate says what becomes of a row of firms: "filtered", "rejected" or "".
func firmFate(row cells) string {
	switch {
	case row["status"] != "live":
		return "filtered"
	case row["name"] == "", row["size"] == "many", row["city"] == ruledCity && row["phone"] == "":
		return "rejected"
	}
	return ""
}

func (w *want) firms(c setup, state int) {
	b := report{}
	made := map[string]cells{} // by an earlier state, for good
	for s := firstState; s < state && c.mode == "create"; s++ {
		for _, row := range firms(s).rows {
			if firmFate(row) == "" && made[row["firm_id"]] == nil {
				made[row["firm_id"]] = row
			}
		}
	}
	parents := map[string]string{}
	for _, row := range firms(state).rows {
		b.Read++
		key := row["firm_id"]
		before, old := made[key]
		switch fate := firmFate(row); {
		case old && row["name"] != "": // what the map rejects isn't compared any more
			row = before
			b.Unchanged++
		case fate == "filtered":
			b.Filtered++
			continue
		case fate == "rejected":
			b.Rejected++
			w.rejected["firms "+key] = true
			continue
		default:
			b.Unchanged++
		}
		w.records["companies"][key] = without(cells{"firm_id": key, "name": row["name"], "city": row["city"], "phone": row["phone"], "numberofemployees": row["size"]})
		parents[key] = row["parent"]
	}
	for key, parent := range parents {
		w.link("firms", key, parent, "")
	}
	for name := range w.parked { // of this pipeline only, so far
		w.overdue[name] = true
	}
	b.Parked = int64(len(w.parked))
	w.books["firms"] = b
}

// link wants a link from a record to a company, which is parked as long as that isn't there.
func (w *want) link(pipeline, from, to, label string) {
	switch {
	case to == "":
	case w.records["companies"][to] == nil:
		w.parked[pipeline+" "+from] = true
	default:
		w.links[from+" > "+to] = label
	}
}

func (w *want) people(state int) {
	b := report{}
	rows, job := map[string]cells{}, jobs(firstState, state)
	for _, row := range people(state).rows {
		b.Read++
		if rows[row["person_id"]] != nil {
			b.Superseded++
		}
		rows[row["person_id"]] = row
	}
	for key, row := range rows {
		if row["email"] == takenEmail {
			b.Rejected++
			w.rejected["people "+key] = true
			continue
		}
		b.Unchanged++
		w.records["contacts"][key] = without(cells{"person_id": key, "email": row["email"], "firstname": row["first"], "lastname": row["last"], "phone": row["phone"],
			sharedProperty: row["city"], filledProperty: job[key]})
		w.link("people", key, row["firm"], "")
	}
	w.books["people"] = b
}

// deals are made once: what the first state said of them stays.
func (w *want) deals(state int) {
	b := report{}
	for s := firstState; s <= state; s++ {
		for _, row := range deals(s).rows {
			key := row["deal_id"]
			if w.records["deals"][key] != nil {
				continue
			}
			w.records["deals"][key] = cells{"deal_id": key, "dealname": row["title"]}
			w.link("deals", key, row["firm"], "")
		}
	}
	b.Read = int64(len(deals(state).rows))
	b.Unchanged = b.Read
	w.books["deals"] = b
}

func (w *want) memberships(state int) {
	b := report{}
	for _, row := range memberships(state).rows {
		b.Read++
		key := row["person"] + "|" + row["firm"]
		if w.records["contacts"][row["person"]] == nil || w.records["companies"][row["firm"]] == nil {
			w.parked["memberships "+key] = true
			b.Held++
			b.Parked++
			continue
		}
		b.Unchanged++
		w.link("memberships", row["person"], row["firm"], row["role"])
	}
	w.books["memberships"] = b
}

// hasty is for a source that has left its first state before all of it was written: what is made once was made of either,
// and where nobody can tell whether sluice has made it, its row is rejected.
func (w *want) hasty() {
	for _, row := range deals(secondState).rows {
		key := row["deal_id"]
		if other := (cells{"deal_id": key, "dealname": row["title"]}); !maps.Equal(w.records["deals"][key], other) {
			w.either["deals "+key] = other
		}
	}
	for key, job := range jobs(secondState, backState) {
		if row := w.records["contacts"][key]; row != nil && row[filledProperty] != job {
			w.either["contacts "+key] = maps.Clone(row)
			w.either["contacts "+key][filledProperty] = job
		}
	}
	for _, key := range theirTickets { // whose row may have left before it was written
		w.either["tickets "+key] = cells{"ticket_id": key, "subject": theirs}
	}
}

// allows tells whether a record may hold these values.
func (w *want) allows(object, key string, row cells) bool {
	return maps.Equal(w.records[object][key], row) || maps.Equal(w.either[object+" "+key], row)
}

// unsure counts the records of an object that may hold something else.
func (w *want) unsure(object string) (n int64) {
	for name := range w.either {
		if strings.HasPrefix(name, object+" ") {
			n++
		}
	}
	return n
}

// mayReject tells whether "pipeline key" may be named by a reject, though its row can be written.
func (w *want) mayReject(name string) bool { return w.either[name] != nil }

// cutPrefix cuts the pipeline's name off "pipeline key".
func cutPrefix(name, pipeline string) (key string, mine bool) {
	return strings.CutPrefix(name, pipeline+" ")
}

// without returns properties without those that have no value.
func without(row cells) cells {
	maps.DeleteFunc(row, func(_, v string) bool { return v == "" })
	return row
}

// sorted returns the keys of a set, in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
