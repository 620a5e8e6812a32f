package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/pipeline"
)

// A teller prints an explanation for people.
type teller struct {
	w       io.Writer
	colour  bool
	sandbox bool
}

// say prints a line that begins with a title; "" goes on under the last one.
func (t *teller) say(title, format string, args ...any) {
	const width = 10
	shown := fmt.Sprintf("%-*s", width, title)
	if t.colour && title != "" {
		shown = "\x1b[1m" + shown + "\x1b[0m"
	}
	fmt.Fprintln(t.w, strings.TrimRight(shown+"  "+fmt.Sprintf(format, args...), " "))
}

func (t *teller) explanation(e *pipeline.Explanation) {
	t.say("key", "%s of %s", pipeline.Quote(e.Key), e.Pipeline)
	t.say("decision", "%s: %s", t.decision(e.Decision), printable(e.Reason))
	if e.Advice != "" {
		t.say("", "→ %s", e.Advice)
	}
	t.rows(e)
	t.payload(e)
	for i, l := range e.Links {
		t.say(first(i, "links"), "%s", link(&l))
	}
	t.ledger(e)
	for i, l := range e.Rejects {
		line := fmt.Sprintf("%d: %s %s (%s, since %s)", l.ID, l.Stage, l.Code, l.State, utc(l.First))
		if !strings.Contains(e.Reason, l.Message) {
			line += ": " + l.Message
		}
		t.say(first(i, "rejects"), "%s", printable(line))
		t.answer(l.Answer)
	}
	for i, a := range e.Attempts {
		t.say(first(i, "attempts"), "%s", attempted(&a))
	}
	t.record(e)
}

// first returns the title for the first line of a part, "" for the others.
func first(i int, title string) string {
	if i > 0 {
		return ""
	}
	return title
}

// decision returns the word for a decision, in a colour of its kind.
func (t *teller) decision(word string) string {
	code := "33"
	switch word {
	case pipeline.ExplainUnchanged:
		code = "32"
	case pipeline.ExplainRejected, pipeline.ExplainHeld, pipeline.ExplainDoubtful:
		code = "31"
	}
	if !t.colour {
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

// outcomes says what became of rows.
var outcomes = map[string]string{
	pipeline.RowSuperseded: "a later row of the same key takes its place", pipeline.RowFiltered: "left out", pipeline.RowRejected: "rejected",
}

func (t *teller) rows(e *pipeline.Explanation) {
	switch {
	case len(e.Rows) == 0:
		t.say("source", "no row with this key; %s", count(e.Read, "row was read", "rows were read"))
	case e.MoreRows > 0:
		t.say("source", "%s with this key come before these", count(e.MoreRows, "more row", "more rows"))
	}
	if len(e.Rows) == 0 && e.Unreadable > 0 {
		t.say("", "%s", unreadable(e, t.sandbox))
	}
	shown := map[string]string{} // what the payload says
	for _, p := range e.Payload {
		if p.Value != nil {
			shown[p.Name] = *p.Value
		}
	}
	for i := range e.Rows {
		t.row(e, &e.Rows[i], i == len(e.Rows)-1, shown)
	}
}

// row prints a row; of rows that don't count only the places and why, but for the last one.
func (t *teller) row(e *pipeline.Explanation, r *pipeline.ExplainedRow, last bool, shown map[string]string) {
	place := printable(r.Place)
	if why := outcomes[r.Outcome]; why != "" {
		place += ": " + why
	}
	t.say("source", "%s", place)
	if r.Outcome == pipeline.RowSuperseded || r.Outcome != pipeline.RowCounts && !last {
		return
	}
	t.values(r.Columns)
	for i := range r.Stages {
		s := &r.Stages[i]
		switch {
		case s.Result == "rejected" && strings.Contains(e.Reason, s.Reason):
			t.say(s.Stage, "rejects it")
		case s.Result == "rejected":
			t.say(s.Stage, "rejects it: %s: %s", s.Code, printable(s.Reason))
		case s.Result == "filtered":
			t.say(s.Stage, "leaves it out")
		default:
			t.kept(s, shown)
		}
	}
}

// kept prints what a stage has added to a row, but for values that the payload shows as they are.
func (t *teller) kept(s *pipeline.ExplainedStage, shown map[string]string) {
	var rest []pipeline.ExplainedValue
	for _, v := range s.Added {
		if sent, ok := shown[v.Name]; !ok || v.Value == nil || *v.Value != sent {
			rest = append(rest, v)
		}
	}
	switch same := len(s.Added) - len(rest); {
	case len(s.Added) == 0:
		t.say(s.Stage, "keeps it")
	case len(rest) == 0:
		t.say(s.Stage, "adds the values of the payload")
	case same == 0:
		t.say(s.Stage, "adds")
	default:
		t.say(s.Stage, "adds values of the payload, and")
	}
	t.values(rest)
}

// values prints names and values, one a line.
func (t *teller) values(list []pipeline.ExplainedValue) {
	width := 0
	for _, v := range list {
		width = max(width, utf8.RuneCountInString(v.Name))
	}
	for _, v := range list {
		t.say("", "  %s%s  %s", printable(v.Name), strings.Repeat(" ", width-utf8.RuneCountInString(v.Name)), value(v.Value))
	}
}

// value returns a value for people; what is null shows as "none".
func value(v *string) string {
	if v == nil {
		return "none"
	}
	return pipeline.Quote(*v)
}

// payload prints what HubSpot gets, with what was last sent where that is another value. Where nothing is sent, such a value
// is one that the row says and the record has not: it is left to others.
func (t *teller) payload(e *pipeline.Explanation) {
	var sent []pipeline.ExplainedValue
	for _, p := range e.Payload {
		if p.Value != nil {
			sent = append(sent, p)
		}
	}
	if len(sent) == 0 {
		return
	}
	t.say("payload", "as HubSpot gets it")
	width := 0
	for _, p := range sent {
		width = max(width, utf8.RuneCountInString(p.Name))
	}
	for _, p := range sent {
		text := value(p.Value)
		at := slices.IndexFunc(e.Changes, func(c pipeline.FieldChange) bool { return c.Property == p.Name })
		mark := " "
		switch {
		case at >= 0 && e.Decision == pipeline.ExplainUnchanged: // by the property's when or owner, or because records are only made
			mark, text = "=", text+" (not sent: the record keeps what it has)"
		case at >= 0 && e.Changes[at].Old != nil:
			mark, text = "~", value(e.Changes[at].Old)+" → "+text
		case at >= 0:
			mark = "+"
		}
		if *p.Value == "" && mark != "=" {
			text += " (cleared)"
		}
		if at := slices.IndexFunc(e.Kept, func(k pipeline.Kept) bool { return k.Property == p.Name }); at >= 0 {
			mark, text = "=", fmt.Sprintf("%s (kept: %s; the row says %s)", value(&e.Kept[at].Got), e.Kept[at].Why, text)
		}
		t.say("", "%s %s%s  %s", mark, p.Name, strings.Repeat(" ", width-utf8.RuneCountInString(p.Name)), text)
	}
}

func (t *teller) ledger(e *pipeline.Explanation) {
	l := e.Ledger
	if l == nil {
		t.say("ledger", "never written")
		return
	}
	line := fmt.Sprintf("version %d", l.Version)
	switch {
	case l.ID == "":
	case l.Made:
		line += fmt.Sprintf(", record %s, made by this pipeline", l.ID)
	default:
		line += fmt.Sprintf(", record %s", l.ID)
	}
	if l.Merged != "" {
		line += fmt.Sprintf(", into which %s was merged", l.Merged)
	}
	if l.Match != "" {
		line += fmt.Sprintf(", last written as %s", pipeline.Quote(l.Match))
	}
	t.say("ledger", "%s", line)
	t.hashes(e)
	switch {
	case l.Unsent:
		t.say("request", "none: nothing was sent of version %d, decided %s", l.Version, utc(l.Decided))
	case l.TraceID == "" && l.Decided.IsZero():
	case l.Decided.IsZero():
		t.say("request", "trace id %s", l.TraceID)
	case l.TraceID == "":
		t.say("request", "decided %s", utc(l.Decided))
	default:
		t.say("request", "trace id %s, decided %s", l.TraceID, utc(l.Decided))
	}
	t.answer(l.Answer)
}

// hashes compares the row's content with the ledger's.
func (t *teller) hashes(e *pipeline.Explanation) {
	l := e.Ledger
	switch {
	case e.Hash == "":
	case e.Hash == l.Rejected && e.Hash != l.Hash:
		t.say("", "hash %s, that of the content that was rejected", e.Hash)
	case e.Hash == l.Hash:
		t.say("", "hash %s, the same as the row's", e.Hash)
	case l.Hash == "":
		t.say("", "no hash: what HubSpot has isn't known; the row's is %s", e.Hash)
	default:
		t.say("", "hash %s, but the row's is %s", l.Hash, e.Hash)
	}
}

func (t *teller) answer(a pipeline.Answer) {
	switch {
	case a.Request != "":
		t.say("", "HubSpot answered %s (correlation id %s)", printable(a.Text), printable(a.Request))
	case a.Text != "":
		t.say("", "HubSpot answered %s", printable(a.Text))
	}
}

// linkStates says how links are.
var linkStates = map[string]string{
	pipeline.LinkThere: "is there", pipeline.LinkDoubtful: "was about to be made: no answer has told whether it was", pipeline.LinkWaiting: "is made by the next run",
	pipeline.LinkParked: "waits for a record that isn't there yet", pipeline.LinkChanging: "gets this label by the next run", pipeline.LinkLeaving: "is removed by the next run",
}

func link(l *pipeline.ExplainedLink) string {
	text := fmt.Sprintf("%s → %s", &l.From, &l.To)
	if l.Label != "" {
		text += " as " + pipeline.Quote(l.Label)
	}
	state := linkStates[l.State]
	if l.State == pipeline.LinkChanging && l.Label == "" {
		state = "loses its label by the next run"
	}
	text += " " + state
	if !l.Since.IsZero() {
		text += ", since " + utc(l.Since)
	}
	return text
}

func attempted(a *pipeline.ExplainedAttempt) string {
	age := time.Duration(a.Seconds * float64(time.Second)).Round(time.Second)
	text := fmt.Sprintf("%s of version %d, attempt %d, %s ago, trace id %s", a.Action, a.Version, a.Attempt, age, a.TraceID)
	switch {
	case a.Landing:
		text += "; the version is decided, but this attempt may still land"
	case a.Decided:
		text += "; the version is decided"
	}
	return text
}

// record prints the record as HubSpot has it now.
func (t *teller) record(e *pipeline.Explanation) {
	r := e.Live
	if r == nil {
		return
	}
	line := map[string]string{"there": "record " + r.ID + " is there", "archived": "the record is in the recycle bin",
		"nowhere": "there is no such record", "unsure": "the answer doesn't tell"}[r.Presence]
	switch {
	case r.Problem != "":
		line = "can't be compared: " + printable(r.Problem)
	case r.Presence == "there" && len(r.Differences) == 0 && e.Hash != "":
		line += ", with all values of the payload"
	}
	t.say("live", "%s", line)
	if r.Twin != "" {
		t.say("", "record %s has the same match value", r.Twin)
	}
	for _, d := range r.Differences {
		t.say("", "~ %s: the row says %s, HubSpot has %s", d.Property, pipeline.Quote(d.Want), pipeline.Quote(d.Got))
	}
}

// utc returns a time for people.
func utc(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
