package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
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
