package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/pipeline/state/pgtest"
	"sluice/sinks/hubspot/hubspottest"
)

// mark remembers what was written and struck so far, for wrote, struck and await.
func markWrites(ts *testscript.TestScript, _ bool, _ []string) {
	s := simOf(ts)
	now, err := s.stats()
	ts.Check(err)
	s.before = now
}

// wrote [OBJECT ACTION N]… checks what took effect since mark: this, and nothing else.
func wrote(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	now, err := s.stats()
	ts.Check(err)
	got := map[string]int64{}
	for what, n := range now.Writes {
		if n -= s.before.Writes[what]; n != 0 {
			got[what] = n
		}
	}
	want := map[string]int64{}
	for three := range slices.Chunk(args, 3) {
		n, err := strconv.ParseInt(three[2], 10, 64)
		ts.Check(err)
		want[three[0]+" "+three[1]] = n
	}
	if !maps.Equal(got, want) {
		ts.Fatalf("written since mark: %v, want %v", got, want)
	}
}

// await N waits until faults have hit N requests since mark.
func await(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	n, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		now, err := s.stats()
		ts.Check(err)
		if now.Faulted-s.before.Faulted >= n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%d requests were hit, want %d", now.Faulted-s.before.Faulted, n)
		}
	}
}

// unique OBJECT PROPERTY N checks that N records have the property, no two of them the same value (I1).
func uniqueKeys(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(s.unique(args[0], args[1], n))
}

func (s *simulator) unique(object, property string, n int) error {
	list, err := s.records(object)
	if err != nil {
		return err
	}
	seen := map[string]string{}
	for _, r := range list {
		value := r.Properties[property]
		if other := seen[value]; other != "" {
			return fmt.Errorf("%s and %s have the same %s: %q", other, r.ID, property, value)
		}
		if value != "" {
			seen[value] = r.ID
		}
	}
	if len(seen) != n {
		return fmt.Errorf("%d %s have a %s, want %d", len(seen), object, property, n)
	}
	return nil
}

// record OBJECT PROPERTY=VALUE… checks the values of the record that the first of them finds; PROPERTY= is an empty one.
func oneRecord(ts *testscript.TestScript, neg bool, args []string) {
	s := simOf(ts)
	r := s.find(ts, args[0], args[1], !neg)
	if neg {
		if r != nil {
			ts.Fatalf("there is a record with %s: %v", args[1], r.Properties)
		}
		return
	}
	for _, arg := range args[2:] {
		name, want, _ := strings.Cut(arg, "=")
		if got := r.Properties[name]; got != unescape(ts, want) {
			ts.Fatalf("%s of %s is %q, want %q", name, args[1], got, want)
		}
	}
}

// find returns the record that has a property=value, nil if there is none and it needn't be there.
func (s *simulator) find(ts *testscript.TestScript, object, term string, must bool) *hubspottest.Record {
	name, value, _ := strings.Cut(term, "=")
	list, err := s.records(object)
	ts.Check(err)
	for _, r := range list {
		if r.Properties[name] == value {
			return &r
		}
	}
	if must {
		ts.Fatalf("no record of %s has %s", object, term)
	}
	return nil
}

// linked FROM PROPERTY=VALUE TO PROPERTY=VALUE [LABEL…] checks that two records are linked, by these labels and no others.
func linkedPair(ts *testscript.TestScript, neg bool, args []string) {
	s := simOf(ts)
	from, to := s.find(ts, args[0], args[1], true), s.find(ts, args[2], args[3], true)
	list, err := s.links(args[0], args[2])
	ts.Check(err)
	found := slices.IndexFunc(list, func(l hubspottest.Link) bool { return l.From == from.ID && l.To == to.ID })
	if found >= 0 == neg {
		ts.Fatalf("linked: %t", found >= 0)
	}
	if neg {
		return
	}
	labels := slices.Sorted(slices.Values(list[found].Labels))
	if want := slices.Sorted(slices.Values(args[4:])); !slices.Equal(labels, want) {
		ts.Fatalf("labels %q, want %q", labels, want)
	}
}

// property OBJECT NAME [TYPE|unique|OPTION,OPTION…] makes a property over the API.
func makeProperty(ts *testscript.TestScript, _ bool, args []string) {
	body := map[string]any{"name": args[1], "label": args[1], "groupName": singular(args[0]) + "information", "type": "string", "fieldType": "text"}
	for _, arg := range args[2:] {
		switch arg {
		case "unique":
			body["hasUniqueValue"] = true
		case "number", "date":
			body["type"], body["fieldType"] = arg, arg
		default:
			var options []any
			for i, value := range strings.Split(arg, ",") {
				options = append(options, map[string]any{"label": value, "value": value, "displayOrder": i, "hidden": false})
			}
			body["type"], body["fieldType"], body["options"] = "enumeration", "select", options
		}
	}
	ts.Check(simOf(ts).call("POST", "/crm/v3/properties/"+args[0], body, nil))
}

// label FROM TO LABEL makes an association label, as a person does.
func makeLabel(ts *testscript.TestScript, _ bool, args []string) {
	body := hubspottest.Label{From: args[0], To: args[1], Label: args[2]}
	ts.Check(simOf(ts).call("POST", "/_admin/labels", body, nil))
}

// associate FROM PROPERTY=VALUE TO PROPERTY=VALUE LABEL… gives a pair exactly these labels, as a person does.
func associate(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	var known struct {
		Results []struct {
			Category string `json:"category"`
			TypeID   int    `json:"typeId"`
			Label    string `json:"label"`
		} `json:"results"`
	}
	pair := args[0] + "/" + args[2]
	ts.Check(s.call("GET", "/crm/v4/associations/"+pair+"/labels", nil, &known))
	var types []any
	for _, l := range known.Results {
		if l.Label != "" && slices.Contains(args[4:], l.Label) {
			types = append(types, map[string]any{"associationCategory": l.Category, "associationTypeId": l.TypeID})
		}
	}
	from, to := s.find(ts, args[0], args[1], true), s.find(ts, args[2], args[3], true)
	ts.Check(s.call("PUT", fmt.Sprintf("/crm/v4/objects/%s/%s/associations/%s/%s", args[0], from.ID, args[2], to.ID), types, nil))
}

// fault [JSON] replaces the fault plan, and marks.
func setFaults(ts *testscript.TestScript, _ bool, args []string) {
	plan := json.RawMessage("[]")
	if len(args) > 0 {
		plan = json.RawMessage("[" + args[0] + "]")
	}
	ts.Check(simOf(ts).call("POST", "/_admin/faults", plan, nil))
	markWrites(ts, false, nil)
}

// struck N checks how many requests faults have hit since mark.
func struck(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	now, err := s.stats()
	ts.Check(err)
	if got := strconv.FormatInt(now.Faulted-s.before.Faulted, 10); got != args[0] {
		ts.Fatalf("%s requests were hit, want %s", got, args[0])
	}
}

// switch NAME=VALUE… sets switches.
func setSwitches(ts *testscript.TestScript, _ bool, args []string) {
	values := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		values[name] = value
	}
	ts.Check(simOf(ts).call("POST", "/_admin/switches", values, nil))
}

// edit ACTION OBJECT PROPERTY=VALUE [PROPERTY=VALUE…] does to a record what a person does in HubSpot: create, update,
// archive, delete, or merge the record that the second term finds into it.
func editRecord(ts *testscript.TestScript, _ bool, args []string) {
	s := simOf(ts)
	edit := hubspottest.Edit{Action: args[0], Object: args[1], Properties: map[string]string{}}
	terms := args[2:]
	if edit.Action != "create" {
		edit.ID, terms = s.find(ts, args[1], args[2], true).ID, args[3:]
	}
	if edit.Action == "merge" {
		edit.Other, terms = s.find(ts, args[1], terms[0], true).ID, nil
	}
	for _, term := range terms {
		name, value, _ := strings.Cut(term, "=")
		edit.Properties[name] = value
	}
	ts.Check(s.call("POST", "/_admin/records", edit, nil))
}

// database NAME [FILE] makes a Postgres database, runs the file's statements, and puts its URL into the variable NAME.
func makeDatabase(ts *testscript.TestScript, _ bool, args []string) {
	t := ts.Value(simKey{}).(*simulator).t
	url := pgtest.Database(t)
	if len(args) > 1 {
		pgtest.Exec(t, url, ts.ReadFile(args[1]))
	}
	ts.Setenv(args[0], url)
}

// sql NAME STATEMENT runs statements in the database whose URL is in the variable NAME.
func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	pgtest.Exec(ts.Value(simKey{}).(*simulator).t, ts.Getenv(args[0]), args[1])
}
