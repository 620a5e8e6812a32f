package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// compare compares what is there after the run with what the test expects.
func (x *trial) compare(ctx context.Context) error {
	if err := x.checkNames(); err != nil {
		return err
	}
	if x.err != nil {
		x.fail("the run failed: %v", x.err)
	}
	letters, err := x.store.Rejects(ctx, state.Filter{})
	if err != nil {
		return err
	}
	slices.Reverse(letters) // the oldest first
	e := &x.test.Expect
	x.compareRejects(letters)
	if e.Records != nil {
		x.compareRecords("record", e.Records, x.changed(false))
	}
	if e.Archived != nil {
		x.compareRecords("archived record", e.Archived, x.changed(true))
	}
	if e.Links != nil {
		x.compareLinks()
	}
	if e.Requests != nil {
		x.compareRequests()
	}
	for _, c := range []struct {
		name string
		want *int64
		got  int64
	}{{"unchanged", e.Unchanged, x.report.Unchanged}, {"filtered", e.Filtered, x.report.Filtered}, {"superseded", e.Superseded, x.report.Superseded}, {"parked", e.Parked, x.report.Parked}} {
		if c.want != nil && *c.want != c.got {
			x.differ(c.name, strconv.FormatInt(*c.want, 10), strconv.FormatInt(c.got, 10))
		}
	}
	return nil
}

func (x *trial) fail(format string, args ...any) {
	x.failures = append(x.failures, fmt.Sprintf(format, args...))
}

// differ tells what was wanted and what there is.
func (x *trial) differ(what, want, got string) {
	x.failures = append(x.failures, what, "  want "+want, "  got  "+got)
}

// checkNames complains of expected properties that no record can have: with an empty value they would pass always.
func (x *trial) checkNames() error {
	known := x.schema.Names(pipeline.Property)
	for _, row := range x.test.Existing[x.sink.Object] {
		for _, c := range row.Cells {
			known = append(known, c.Name)
		}
	}
	known = append(known, x.sink.Match...)
	slices.Sort(known)
	known = slices.Compact(known)
	var problems config.Diagnostics
	for _, row := range slices.Concat(x.test.Expect.Records, x.test.Expect.Archived) {
		for _, c := range row.Cells {
			if !slices.Contains(known, c.Name) {
				problems = append(problems, x.spec.Wrong(c, "unknown property "+pipeline.Quote(c.Name)+": the pipeline maps none of that name", pipeline.Suggest(c.Name, known, "properties")))
			}
		}
	}
	if len(problems) > 0 {
		return x.app.misplaced(x.spec, problems)
	}
	return nil
}

// changed returns the records that the run has made or changed.
func (x *trial) changed(archived bool) (list []hubspottest.Record) {
	for _, r := range x.everyRecord() {
		if r.Archived == archived && !x.untold[fingerprintOf(r)] {
			list = append(list, r)
		}
	}
	return list
}

// compareRecords compares records with those that are expected: one by one by the match property, or in order without.
func (x *trial) compareRecords(what string, want []config.Row, got []hubspottest.Record) {
	for _, row := range want {
		at, name := 0, what
		for _, match := range x.sink.Match {
			if c, ok := row.Get(match); ok {
				name += " " + c.Text
				at = slices.IndexFunc(got, func(r hubspottest.Record) bool { return x.value(r, match) == c.Text })
				break
			}
		}
		if at < 0 || at >= len(got) {
			x.fail("%s: not there", name)
			continue
		}
		for _, c := range row.Cells {
			if value := x.value(got[at], c.Name); value != c.Text {
				x.differ(name+": "+c.Name, shownValue(c.Text), shownValue(value))
			}
		}
		got = slices.Delete(got, at, at+1)
	}
	for _, r := range got {
		x.fail("%s %s: not expected: %s", what, x.nameOf(x.sink.Object, r), x.properties(r))
	}
}

func (x *trial) value(r hubspottest.Record, property string) string {
	if property == "hs_object_id" {
		return r.ID
	}
	return r.Properties[property]
}

func shownValue(text string) string {
	if text == "" {
		return "no value"
	}
	return pipeline.Quote(text)
}

// properties shows what the pipeline has written to a record.
func (x *trial) properties(r hubspottest.Record) string {
	var list []string
	for _, name := range x.schema.Names(pipeline.Property) {
		if value := r.Properties[name]; value != "" {
			list = append(list, name+": "+pipeline.Quote(value))
		}
	}
	return "{ " + strings.Join(list, ", ") + " }"
}

// compareRejects compares the rejects with those that are expected.
func (x *trial) compareRejects(letters []state.DeadLetter) {
	for _, want := range x.test.Expect.Rejects {
		at := slices.IndexFunc(letters, func(l state.DeadLetter) bool {
			return (want.Key == "" || want.Key == l.Key) && (want.Code == "" || want.Code == l.Code) && strings.Contains(l.Message, want.Message)
		})
		if at < 0 {
			x.fail("no reject with %s", named("key", want.Key, "code", want.Code, "message", want.Message))
			continue
		}
		letters = slices.Delete(letters, at, at+1)
	}
	for _, l := range letters {
		key := ""
		if l.Key != "" {
			key = " key " + l.Key
		}
		x.fail("rejected: %s%s: %s: %s", l.Place, key, l.Code, l.Message)
	}
}

// named shows those of some values that aren't empty, each with its name.
func named(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, pairs[i]+" "+pipeline.Quote(pairs[i+1]))
		}
	}
	return strings.Join(list, ", ")
}

// compareRequests compares the requests that write with those that are expected.
func (x *trial) compareRequests() {
	var got []string
	for _, r := range x.box.portal.Requests()[x.asked:] {
		path, _, _ := strings.Cut(r.Path, "?")
		if r.Method != "GET" && !strings.HasSuffix(path, "/read") && !strings.HasSuffix(path, "/search") {
			got = append(got, r.Method+" "+path)
		}
	}
	if !slices.Equal(got, x.test.Expect.Requests) {
		x.differ("requests", strings.Join(x.test.Expect.Requests, ", "), strings.Join(got, ", "))
	}
}

// nameOf returns the value by which people know a record.
func (x *trial) nameOf(object string, r hubspottest.Record) string {
	for _, property := range x.naming[object] {
		if value := x.value(r, property); value != "" {
			return value
		}
	}
	return r.ID
}

// A linkName is a link by the names of its ends.
type linkName struct{ from, to string }

// compareLinks compares the links of the kinds that the pipeline writes with those that are expected.
func (x *trial) compareLinks() {
	got := map[linkName]hubspottest.Link{}
	same := false // links within one object are there in both directions
	for _, pair := range x.pairs() {
		same = same || pair[0] == pair[1]
		for _, l := range x.box.portal.Links(x.path(pair[0]), x.path(pair[1])) {
			got[linkName{x.end(pair[0], l.From), x.end(pair[1], l.To)}] = l
		}
	}
	for _, want := range x.test.Expect.Links {
		name := linkName{want.From, want.To}
		l, ok := got[name]
		if !ok {
			x.fail("link %s → %s: not there", want.From, want.To)
			continue
		}
		if labels := strings.Join(l.Labels, ", "); want.Label != nil && !slices.Contains(l.Labels, *want.Label) && *want.Label != labels {
			x.differ(fmt.Sprintf("link %s → %s: label", want.From, want.To), shownValue(*want.Label), shownValue(labels))
		}
		if want.Type != nil && !slices.ContainsFunc(l.Types, func(t string) bool { return strings.HasSuffix(t, "/"+strconv.Itoa(*want.Type)) }) {
			x.differ(fmt.Sprintf("link %s → %s: type", want.From, want.To), strconv.Itoa(*want.Type), strings.Join(l.Types, ", "))
		}
		delete(got, name)
		if same {
			delete(got, linkName{want.To, want.From})
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(got), func(a, b linkName) int { return strings.Compare(a.from+"\x00"+a.to, b.from+"\x00"+b.to) }) {
		x.fail("link %s → %s: not expected", name.from, name.to)
	}
}

// pairs returns the objects between which the pipeline writes links.
func (x *trial) pairs() (list [][2]string) {
	add := func(from, to string) {
		if pair := [2]string{from, to}; !slices.Contains(list, pair) {
			list = append(list, pair)
		}
	}
	for _, a := range x.sink.Associations {
		add(x.sink.Object, a.To)
	}
	if a := x.sink.Associate; a != nil {
		for from := range a.From {
			for to := range a.To {
				add(from, to)
			}
		}
	}
	return list
}

// end names the record at an end of a link.
func (x *trial) end(object, id string) string {
	if r, ok := x.box.portal.Record(x.path(object), id); ok {
		return x.nameOf(object, r)
	}
	return id
}
