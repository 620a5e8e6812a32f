package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tellLedger shows what the store knows of the key.
func (x *explaining) tellLedger() {
	m := &x.memory
	x.Rejects = append(x.Rejects, m.Rejects...)
	for i, d := range m.Attempts {
		x.Attempts = append(x.Attempts, ExplainedAttempt{Action: d.Action.String(), Version: d.Version, Attempt: d.Attempt, TraceID: d.TraceID, ID: d.ID,
			Seconds: d.Age.Seconds(), Decided: d.Decided, Landing: d.Decided && !m.answered(i) && d.Age <= longAgo+x.limits.Landing})
	}
	x.tellLinks()
	if m.Version == 0 && m.ID == "" {
		return
	}
	e := &ExplainedEntry{Version: m.Version, Hash: m.Hash.text(), Rejected: m.Rejected.text(), ID: m.ID, Match: m.Match, Merged: m.Merged,
		Made: m.Made, Held: m.Held, Waiting: m.Waiting, Sent: m.Sent, Decided: m.Decided, Unsent: m.unsent(), Answer: m.Answer}
	if last := m.lastContent(); last != (Hash{}) && !e.Unsent && !x.limits.LinksOnly { // requests of links carry no trace ids
		e.TraceID = traceID(x.Name, x.Key, m.Version, last)
	}
	x.Ledger = e
}

// answered tells whether an attempt is the one that the answer in the ledger was given to: the last at the version that is
// decided, unless the record was read back. It is for people only, as the answer is.
func (m *Memory) answered(attempt int) bool {
	d := &m.Attempts[attempt]
	later := slices.ContainsFunc(m.Attempts[attempt+1:], func(l Doubt) bool { return l.Version == d.Version })
	return d.Version == m.Version && !later && m.Answer.Text != "" && !strings.HasSuffix(m.Answer.Text, ReadBack)
}

// unsent tells whether nothing of the decided version was sent: nothing was answered then, as with a write of which no answer
// has come at all, but that one is held or has a reject that says so.
func (m *Memory) unsent() bool {
	return !m.Decided.IsZero() && m.Answer == (Answer{}) && !m.Held && len(m.Attempts) == 0 &&
		!slices.ContainsFunc(m.Rejects, func(l DeadLetter) bool { return l.Code == codeNoAnswer })
}

// lastContent returns the hash of what the last version wrote or tried to write; zero where the ledger doesn't tell. Where a
// link was refused, the content that was written counts as rejected.
func (e *Entry) lastContent() Hash {
	if e.Rejected != (Hash{}) {
		return e.Rejected
	}
	return e.Hash
}

// tellLinks shows the links that are there and those that wait.
func (x *explaining) tellLinks() {
	for i := range x.memory.Links {
		x.Links = append(x.Links, thereLink(&x.memory.Links[i]))
	}
	for i := range x.memory.Wanted {
		l := wantedLink(&x.memory.Wanted[i])
		if epoch := time.Unix(0, 0).UTC(); x.memory.Since.After(epoch) { // which stands for a time before it was noted
			l.Since = x.memory.Since
		}
		x.Links = append(x.Links, l)
	}
}

func thereLink(s *LinkState) ExplainedLink {
	l := ExplainedLink{Slot: s.Slot, State: LinkThere, Label: s.Label, From: ExplainedEnd{Object: s.From, ID: s.FromID}, To: ExplainedEnd{Object: s.To, ID: s.ToID}}
	if s.Intended {
		l.State = LinkDoubtful
	}
	return l
}

func wantedLink(l *LinkChange) ExplainedLink {
	w := ExplainedLink{Slot: l.Slot, State: LinkWaiting, Label: l.Label, From: explainedEnd(&l.From), To: explainedEnd(&l.To)}
	switch {
	case l.Remove:
		w.State = LinkLeaving
	case w.From.missing() || w.To.missing():
		w.State = LinkParked
	}
	return w
}

func explainedEnd(e *LinkEnd) ExplainedEnd {
	return ExplainedEnd{Object: e.Object, ID: e.ID, Property: e.Property, Value: e.Value}
}

// missing tells whether an end names a record that isn't there, as far as is known. One without a name is the row's own.
func (e *ExplainedEnd) missing() bool { return e.ID == "" && e.Value != "" }

// String names the end for people.
func (e *ExplainedEnd) String() string {
	switch {
	case e.Value != "" && e.ID != "":
		return fmt.Sprintf("%s %s (%s %s)", e.Object, e.ID, e.Property, Quote(e.Value))
	case e.Value != "":
		return fmt.Sprintf("%s whose %s is %s", e.Object, e.Property, Quote(e.Value))
	case e.ID != "":
		return e.Object + " " + e.ID
	}
	return e.Object + " of this row"
}

// waitsFor says for what the links of the row are waiting.
func (x *explaining) waitsFor() string {
	var missing []string
	for i := range x.Links {
		l := &x.Links[i]
		for _, end := range []*ExplainedEnd{&l.From, &l.To} {
			if l.State == LinkParked && end.missing() {
				missing = append(missing, fmt.Sprintf("%s waits for a record of %s", Quote(l.Slot), end))
			}
		}
	}
	if len(missing) == 0 {
		return "its links are written by the next run"
	}
	return strings.Join(missing, ", ") + ": it is linked as soon as a run finds that record"
}

// tellWants shows the links that the row asks for, in place of those that wait and of those that it changes, and tells
// whether it asks for any for the first time.
func (x *explaining) tellWants(p *pending) (changed bool) {
	waiting := x.Links[len(x.memory.Links):]
	x.Links = x.Links[:0:0]
	have := x.memory.Links
	for i := range have {
		s := &have[i]
		if !slices.ContainsFunc(p.wants, func(w LinkChange) bool { return s.holds(&w) }) {
			x.Links = append(x.Links, thereLink(s))
		}
	}
	for i := range p.wants {
		l := wantedLink(&p.wants[i])
		if l.State == LinkWaiting && slices.ContainsFunc(have, func(s LinkState) bool { return s.holds(&p.wants[i]) && s.Label != l.Label }) {
			l.State = LinkChanging
		}
		at := slices.IndexFunc(waiting, func(w ExplainedLink) bool { return w.asks(&l) })
		if at >= 0 {
			l.Since = waiting[at].Since
		}
		changed = changed || at < 0
		x.Links = append(x.Links, l)
	}
	return changed
}

// asks tells whether two links ask for the same.
func (l *ExplainedLink) asks(other *ExplainedLink) bool {
	same := func(a, b *ExplainedEnd) bool {
		return a.ID != "" && a.ID == b.ID || a.Value == b.Value && a.Property == b.Property && (a.Value != "" || a.ID == b.ID)
	}
	return l.Slot == other.Slot && l.Label == other.Label && (l.State == LinkLeaving) == (other.State == LinkLeaving) &&
		same(&l.To, &other.To) && same(&l.From, &other.From)
}

// decideLinks decides on a row that is a link, and that the next run looks at.
func (x *explaining) decideLinks(p *pending) {
	parked := 0
	for i := range x.Links {
		if x.Links[i].State == LinkParked {
			parked++
		}
	}
	switch {
	case len(p.wants) == 0:
		x.setDecision(ExplainUnchanged, "it stands for no link, or for one that is there", "")
	case parked > 0 && parked == len(p.wants):
		x.setDecision(ExplainParked, x.waitsFor(), "write that record first: by another pipeline, or by hand")
	default:
		x.setDecision(ExplainLink, "its links change", "")
	}
}

// tellDoubts puts what must be found out first before the decision.
func (x *explaining) tellDoubts() {
	for _, a := range x.Attempts {
		if a.Decided {
			continue
		}
		then := ""
		if x.Decision != ExplainLeft && x.Decision != ExplainUnknown {
			then = fmt.Sprintf(", and then decides on the row (%s: %s)", x.Decision, x.Reason)
		}
		x.setDecision(ExplainDoubtful, fmt.Sprintf("a write of version %d is on its way, or its answer was lost: the next run reads back what became of it%s", a.Version, then), "")
		return
	}
}

// readRecord shows the record as the destination has it now.
func (x *explaining) readRecord(ctx context.Context) error {
	if x.limits.LinksOnly {
		return nil
	}
	var p *pending
	switch {
	case x.row != nil:
		p = x.changeOf(x.row, &x.memory.Entry) // anew: the sink has encoded the values of the other one
		p.ID = x.change.ID
	case x.memory.ID != "":
		p = &pending{entry: x.memory.Entry, Change: Change{Key: x.Key, ID: x.memory.ID}}
	default:
		return nil
	}
	readings, err := x.read(ctx, []*pending{p})
	if err != nil {
		return err
	}
	r := &readings[0]
	x.Live = &ExplainedRecord{Presence: r.Presence.String(), ID: r.ID, Twin: r.Twin, Differences: append([]Difference{}, r.Differences...)}
	if r.Err != nil {
		x.Live.Problem = r.Err.Error()
	}
	return nil
}
