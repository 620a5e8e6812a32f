package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// decideKey works out what the next run does with the key, by the same steps.
func (x *explaining) decideKey(ctx context.Context) error {
	if x.row == nil {
		x.decideAbsent()
		return nil
	}
	entry := &x.memory.Entry
	p := x.changeOf(x.row, entry)
	x.change, x.Hash = p, p.Hash.String()
	standing := x.standing(entry, p.Hash)
	if standing == isDue {
		return x.decideDue(ctx, p)
	}
	if err := x.encode(ctx, p); err != nil {
		return err
	}
	x.Changes = entry.changes(x.sentBy(&p.Change))
	switch standing {
	case isHeld:
		x.setDecision(ExplainHeld, x.letter("in_doubt", "nobody can tell whether its record was made"), "look for the record in the destination; if it isn't there, "+x.retry())
	case isRefused:
		x.setDecision(ExplainRejected, "the same content was rejected before, and isn't sent again: "+x.letter("", "its reject is closed"), "change the row or the mapping, or "+x.retry())
	case isParked:
		decision := ExplainLink
		if slices.ContainsFunc(x.Links, func(l ExplainedLink) bool { return l.State == LinkParked }) {
			decision = ExplainParked
		}
		x.setDecision(decision, x.waitsFor(), "")
	case isWritten:
		x.decideUnchanged(p)
	}
	return nil
}

// setDecision sets what becomes of the key, why, and what somebody can do about it.
func (x *explaining) setDecision(decision, reason, advice string) {
	x.Decision, x.Reason, x.Advice = decision, reason, advice
}

// decideAbsent decides on a key of which no row is left to be written.
func (x *explaining) decideAbsent() {
	m := &x.memory
	switch n := len(x.Rows); {
	case n > 0 && x.Rows[n-1].Outcome == RowFiltered:
		stages := x.Rows[n-1].Stages
		x.setDecision(ExplainFiltered, fmt.Sprintf("transform %d (%s) leaves it out", len(stages), stages[len(stages)-1].Stage)+x.whatStays(true), "")
	case n > 0:
		stages := x.Rows[n-1].Stages
		last := stages[len(stages)-1]
		x.setDecision(ExplainRejected, fmt.Sprintf("%s rejects it: %s: %s", last.Stage, last.Code, last.Reason)+x.whatStays(false), "correct the row or the mapping; the next run looks at it again")
	case m.Version > 0 || len(m.Rejects) > 0:
		x.setDecision(ExplainLeft, "the source has no row with this key any more"+x.whatStays(true), "")
	default:
		x.setDecision(ExplainUnknown, "the source has no row with this key, and it was never written", "")
	}
}

// whatStays says what becomes of what was written of a key that has no row: left, or one that is rejected.
func (x *explaining) whatStays(left bool) string {
	m := &x.memory
	mirror := left && x.limits.Mirror
	taken := "by the next run that reads all of the source (mode: mirror)"
	if x.Unreadable > 0 {
		taken = fmt.Sprintf("(mode: mirror), but not before it can be told of all rows which key they have: of %d it can't", x.Unreadable)
	}
	switch {
	case mirror && m.ID != "" && m.Made:
		return fmt.Sprintf("; record %s, which this pipeline has made, is archived %s", m.ID, taken)
	case mirror && len(m.Links)+len(m.Wanted) > 0:
		return "; its links are removed " + taken
	case m.ID != "":
		return fmt.Sprintf("; record %s stays as it was last written", m.ID)
	case len(m.Links) > 0:
		return "; its links stay"
	case m.Version > 0 && m.lastContent() == Hash{} && !x.limits.LinksOnly:
		return "; nothing of it is in the destination any more by this pipeline"
	}
	return ""
}

// decideUnchanged decides on a row that the destination has.
func (x *explaining) decideUnchanged(p *pending) {
	reason := "the destination has this content: its hash is the ledger's"
	if p.Hash != x.memory.Hash {
		reason = "mode: create never writes a record again that is there"
	}
	if x.memory.Waiting {
		reason += "; " + x.waitsFor()
	}
	x.setDecision(ExplainUnchanged, reason, "")
}

// decideDue decides on a row that the next run writes, unless a later step finds that it can't be.
func (x *explaining) decideDue(ctx context.Context, p *pending) error {
	if _, err := x.resolve(ctx, []*pending{p}); err != nil {
		return err
	}
	if x.refused() {
		return x.encode(ctx, p)
	}
	x.relinks = x.tellWants(p)
	if x.limits.LinksOnly {
		x.decideLinks(p)
		return nil
	}
	kept := x.prepare(ctx, []*pending{p})
	if err := x.failed(); err != nil {
		return err
	}
	kept, _, err := x.keep(ctx, kept)
	if err != nil {
		return err
	}
	x.Kept = p.Kept
	sent := x.sentBy(&p.Change)
	x.tellPayload(p)
	x.Changes = x.memory.changes(sent)
	switch {
	case x.refused():
	case len(kept) == 0 && len(x.Kept) > 0:
		x.setDecision(ExplainUnchanged, "there is nothing to be written but what others have set, which is kept", "")
	case len(kept) == 0:
		x.setDecision(ExplainUnchanged, "there is nothing to be written: the destination has it as the row asks for", "")
	default:
		x.decideWrite(p)
	}
	return nil
}

// refused decides on a row that a step has rejected, and tells whether one has.
func (x *explaining) refused() bool {
	rejects := x.books.notes.rejects
	for _, d := range x.books.notes.decisions {
		if d.Reject != nil {
			rejects = append(rejects, *d.Reject)
		}
	}
	if len(rejects) == 0 {
		return false
	}
	r := &rejects[0]
	x.setDecision(ExplainRejected, fmt.Sprintf("%s rejects it: %s: %v", r.Stage, r.Code, r.Err), "correct the row or the mapping; the next run looks at it again")
	return true
}

// decideWrite decides on a row whose record is written.
func (x *explaining) decideWrite(p *pending) {
	switch p.Action {
	case Archive:
		x.setDecision(ExplainArchive, fmt.Sprintf("record %s is archived", p.ID), "")
	case Update:
		x.setDecision(ExplainUpdate, fmt.Sprintf("record %s is updated: %s", p.ID, x.why()), "")
	case Create:
		x.setDecision(ExplainCreate, "no record of this key is known: one is made", "")
	default:
		x.setDecision(ExplainCreate, fmt.Sprintf("no record of this key is known: one is made, or that is updated which has %s %s", x.limits.Match, Quote(p.Match)), "")
	}
}

// why says why a record that is known is written again.
func (x *explaining) why() string {
	m := &x.memory
	links := ""
	if x.relinks {
		links = " and its links change"
	}
	switch {
	case m.Version == 0:
		return "this pipeline hasn't written it yet"
	case m.Hash == Hash{}:
		return "what it holds isn't known: its last write was rejected or retried, or something else was found there"
	case m.Sent == nil:
		return "its content has changed since it was last written; what was sent then isn't known" + links
	case len(x.Changes) > 0:
		names := make([]string, len(x.Changes))
		for i, c := range x.Changes {
			names[i] = c.Property
		}
		return strings.Join(names, ", ") + " changed since it was last written" + links
	case links != "":
		return "its values are as they were last sent, but its links change"
	}
	return "its values are as they were last sent, but not what they are made of: the mapping, or the key of a linked record, is another one"
}

// changes returns what differs from what was last sent; nothing where that isn't known.
func (e *Entry) changes(sent Sent) []FieldChange {
	if e.Sent == nil && e.Version > 0 {
		return []FieldChange{}
	}
	return append([]FieldChange{}, e.Sent.Changes(sent)...)
}

// encode has the sink make the payload of a row that isn't written.
func (x *explaining) encode(ctx context.Context, p *pending) error {
	if x.limits.LinksOnly {
		return nil
	}
	list := []Change{p.Change}
	if _, err := x.Sink.Prepare(ctx, list); err != nil {
		return err
	}
	p.Change = list[0]
	x.tellPayload(p)
	return nil
}

// tellPayload shows what is sent of a row.
func (x *explaining) tellPayload(p *pending) {
	for i, v := range p.Values {
		f := &x.schema.Fields[x.layout.properties[i]]
		c := cell(f.Name, v)
		if v.IsNull() && f.Clear {
			c.Value = new(string)
		}
		x.Payload = append(x.Payload, c)
	}
}

// letter returns what the newest dead letter with the code says, or of any code if that is "".
func (x *explaining) letter(code, none string) string {
	for _, l := range x.memory.Rejects {
		if code == "" || l.Code == code {
			return fmt.Sprintf("%s: %s (reject %d)", cmp.Or(l.Code, l.Stage), l.Message, l.ID)
		}
	}
	return none
}

// retry says how rejects are sent again.
func (x *explaining) retry() string {
	if len(x.memory.Rejects) == 0 {
		return "use `sluice rejects retry`"
	}
	return fmt.Sprintf("use `sluice rejects retry %d`", x.memory.Rejects[0].ID)
}
