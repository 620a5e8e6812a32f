package main

import (
	"fmt"
	"time"

	"sluice/pipeline"
)

// What the ledger knows of a row, and what HubSpot has of it.

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
