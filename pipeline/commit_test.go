package pipeline

import (
	"testing"
)

// TestRowsWithDecidedLinksAreForgotten proves that the memory of a run doesn't grow with the links that it writes.
func TestRowsWithDecidedLinksAreForgotten(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, books: books{linked: map[uint64]*linkedRow{}}}
	p := &pending{Change: Change{Key: "k", TraceID: "t"}, wants: []LinkChange{{Key: "k", Slot: "a"}, {Key: "k", Slot: "b"}}}
	d := r.decide(p, Outcome{TraceID: "t", Verdict: Done, ID: "1"})
	for i := range d.Links {
		if len(r.books.linked) != 1 {
			t.Fatalf("%d rows are remembered before link %d is decided", len(r.books.linked), i)
		}
		r.bookLink(&LinkOutcome{Change: &d.Links[i], Verdict: Done})
	}
	if len(r.books.linked) != 0 || r.books.report.Written != 1 || r.books.report.Linked != 2 {
		t.Errorf("%d rows are remembered: %+v", len(r.books.linked), r.books.report)
	}
}

// TestInlineLinksAreCounted proves that links which a create carries are counted as those that are written after it.
func TestInlineLinksAreCounted(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, books: books{linked: map[uint64]*linkedRow{}}, limits: Limits{Inline: true}}
	p := &pending{Change: Change{Key: "k", TraceID: "t"}, wants: []LinkChange{{Key: "k", Slot: "a", To: LinkEnd{ID: "7"}}, {Key: "k", Slot: "b"}}}
	d := r.decide(p, Outcome{TraceID: "t", Verdict: Done, ID: "1", Links: []LinkState{{Slot: "a", FromID: "1", ToID: "7"}}})
	if r.books.report.Linked != 1 || len(d.Links) != 1 || d.Links[0].Slot != "b" {
		t.Errorf("%d links are counted, waiting are %v", r.books.report.Linked, d.Links)
	}
}

// TestAnArchivedRecordIsNoTarget proves that other pipelines aren't told the id of a record that has just been archived,
// or that was found to be gone, and that what they may have been told before is forgotten.
func TestAnArchivedRecordIsNoTarget(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, books: books{linked: map[uint64]*linkedRow{}}, limits: Limits{Object: "things", Match: "id"}}
	for action, id := range map[Action]string{Archive: "", Update: "1", Upsert: "1", Create: "1"} {
		d := r.decide(&pending{Change: Change{Key: "k", Action: action, Match: "m", ID: "1"}}, Outcome{Verdict: Done, ID: "1"})
		if d.Record == nil || *d.Record != (RecordID{Object: "things", Property: "id", Value: "m", ID: id}) {
			t.Errorf("%s: recorded is %+v, want id %q", action, d.Record, id)
		}
	}
	d := r.decide(&pending{Change: Change{Key: "k", Action: Update, Match: "m", ID: "1"}, lost: true}, Outcome{Verdict: Refused})
	if d.Record == nil || d.Record.ID != "" {
		t.Errorf("gone: recorded is %+v", d.Record)
	}
	if d := r.decide(&pending{Change: Change{Key: "k", Action: Update, Match: "m", ID: "1"}}, Outcome{Verdict: Refused}); d.Record != nil {
		t.Errorf("refused: recorded is %+v", d.Record)
	}
}

// TestOverwrittenAfterItsRefusal proves that the ledger forgets what the record of a refused row held, once another row has
// overwritten it, but not that the row was refused, where its refusal waits for the next commit.
func TestOverwrittenAfterItsRefusal(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, contested: contested{claimed: map[string][]string{}}}
	decisions := []Decision{{Key: "k", Version: 5, Verdict: Refused, Reject: &Reject{}}}
	r.overwritten(KeyedEntry{Key: "k", Entry: Entry{Version: 4}}, &Change{Key: "other"}, &decisions)
	if len(decisions) != 1 || decisions[0].Verdict != Found || decisions[0].Reject == nil {
		t.Errorf("decided is %+v", decisions)
	}
}
