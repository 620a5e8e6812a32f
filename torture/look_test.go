package torture

import (
	"fmt"
	"slices"
	"strings"

	"sluice/sinks/hubspot/hubspottest"
)

// A crm is HubSpot as it really is, by the sources' keys instead of record ids.
type crm struct {
	records map[string]map[string][]cells // by object and key: every live record that has the key
	keys    map[string]string             // "companies 17" → the record's key
	links   map[string]string             // "p001 > f010" → its labels
	writes  []hubspottest.Write
}

// sent are the properties of each object that the pipelines send.
var sent = map[string][]string{
	"companies": {"firm_id", "name", "city", "phone", "numberofemployees"},
	"contacts":  {"person_id", "email", "firstname", "lastname", "phone", sharedProperty, filledProperty},
	"deals":     {"deal_id", "dealname"},
	"products":  {"description", "name"},
	"tickets":   {"ticket_id", "subject"},
}

// look reads the ground truth of the portal.
func (s *stage) look() *crm {
	c := &crm{records: map[string]map[string][]cells{}, keys: map[string]string{}, links: map[string]string{}, writes: s.portal.Writes()}
	for object, property := range keyed {
		c.records[object] = map[string][]cells{}
		for _, r := range s.portal.Records(object) {
			key := r.Properties[property]
			c.keys[object+" "+r.ID] = key
			if key == "" && r.Properties["email"] == takenEmail {
				continue // was there before
			}
			row := cells{}
			for _, name := range sent[object] {
				if v := r.Properties[name]; v != "" {
					row[name] = v
				}
			}
			c.records[object][key] = append(c.records[object][key], row)
		}
		for _, r := range s.portal.Archived(object) {
			c.keys[object+" "+r.ID] = r.Properties[property]
		}
	}
	for _, from := range []string{"companies", "contacts", "deals"} {
		for _, l := range s.portal.Links(from, "companies") {
			if from == "companies" && !slices.Contains(l.Types, "HUBSPOT_DEFINED/14") {
				continue // the other direction of one that has it
			}
			slices.Sort(l.Labels)
			labels := slices.DeleteFunc(l.Labels, func(name string) bool { return name != chair && name != counsel })
			c.links[c.keys[from+" "+l.From]+" > "+c.keys["companies "+l.To]] = strings.Join(labels, ", ")
		}
	}
	return c
}

// A books is what the state knows of keys that aren't simply written: all by "pipeline key".
type books struct {
	letters map[string]int    // open and held dead letters
	held    map[string]bool   // of the ledger
	waiting map[string]bool   // links
	overdue map[string]int    // open dead letters of links that have waited too long
	refused map[string]int    // and of rows that have changed since a plan was made
	since   map[string]string // when each link began to wait, "firms f009 > f999"
	groups  int               // that are open
	events  []event
}

// look reads the state's tables.
func (a *audit) look() (*books, error) {
	b := &books{letters: map[string]int{}, held: map[string]bool{}, waiting: map[string]bool{}, overdue: map[string]int{}, refused: map[string]int{}}
	for statement, note := range map[string]func(string){
		`select pipeline, key from %sdead_letter where state <> 'closed'`:                           func(name string) { b.letters[name]++ },
		`select pipeline, key from %sdead_letter where state = 'open' and code = 'parked_too_long'`: func(name string) { b.overdue[name]++ },
		`select pipeline, key from %sdead_letter where state = 'open' and code = 'plan_changed'`:    func(name string) { b.refused[name]++ },
		`select pipeline, key from %sledger where held`:                                             func(name string) { b.held[name] = true },
		`select pipeline, key from %swaiting`:                                                       func(name string) { b.waiting[name] = true },
		`select pipeline, id from %sintent_group`:                                                   func(string) { b.groups++ },
	} {
		if err := a.names(fmt.Sprintf(statement, a.prefix), note); err != nil {
			return nil, err
		}
	}
	var err error
	if b.since, err = a.since(); err == nil {
		b.events, err = a.events(a.t.Context(), 0)
	}
	return b, err
}

// since tells when each link began to wait.
func (a *audit) since() (map[string]string, error) {
	since := map[string]string{}
	err := a.names(`select pipeline || ' ' || key || ' > ' || to_end, cast(since as text) from `+a.prefix+`waiting where not remove`, func(text string) {
		_, target, _ := strings.Cut(text, " > ")
		_, at, _ := strings.Cut(target, " ")
		since[strings.TrimSuffix(text, " "+at)] = at
	})
	return since, err
}

// names calls note with the "pipeline key" of every row that a statement finds.
func (a *audit) names(statement string, note func(string)) error {
	rows, err := a.db.Query(statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var pipeline, key string
		if err := rows.Scan(&pipeline, &key); err != nil {
			return err
		}
		note(pipeline + " " + key)
	}
	return rows.Err()
}

// dump returns the text of all tables of the state, by name.
func (a *audit) dump() map[string]string {
	texts := map[string]string{}
	for _, table := range []string{"binding", "pipeline", "lease", "progress", "run", "intent_group", "ledger", "waiting", "record_id", "dead_letter", "throttle"} {
		rows, err := a.db.Query("select * from " + a.prefix + table)
		if err != nil {
			a.t.Errorf("audit: %v", err)
			continue
		}
		columns, _ := rows.Columns()
		var b strings.Builder
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new([]byte)
			}
			if err := rows.Scan(values...); err != nil {
				a.t.Errorf("audit: %s: %v", table, err)
			}
			for _, v := range values {
				b.Write(*v.(*[]byte))
				b.WriteByte(' ')
			}
		}
		rows.Close()
		texts[table] = b.String()
	}
	return texts
}
