package pipeline

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestALongWaitIsTold proves that a run which waits for what became of writes isn't silent for as long as that takes: it would
// be taken for one that hangs.
func TestALongWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for wait, want := range map[time.Duration]string{time.Second: "", 40 * time.Second: "again_in=40s"} {
			var told bytes.Buffer
			r := &run{Pipeline: &Pipeline{Name: "people"}, log: slog.New(slog.NewTextHandler(&told, nil))}
			if err := r.pause(t.Context(), wait); err != nil {
				t.Fatal(err)
			}
			if got := told.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
				t.Errorf("of a wait of %v it says %q", wait, got)
			}
		}
	})
}

// TestAnEndedDoubtFreesItsKeyAndMatch proves that what a doubt has kept others from is free again once its end is
// recorded, and not before.
func TestAnEndedDoubtFreesItsKeyAndMatch(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, books: books{linked: map[uint64]*linkedRow{}}, intents: intents{undecided: map[string]int{}},
		flights: flights{busy: map[string]*flight{"k": {}}, matches: map[string]string{"m": "k"}}}
	p := &pending{span: &span{undecided: 1}, Change: Change{Key: "k", Match: "m", Sent: time.Now().Add(-time.Hour)}}
	r.resolveDoubt(p, func() Decision { return r.decide(p, Outcome{Verdict: Done, ID: "1"}) }, true)
	if r.flights.of("k") == nil || len(r.flights.matches) != 1 {
		t.Errorf("before the commit, the key's flight is %v and the matches are %v", r.flights.of("k"), r.flights.matches)
	}
	r.flights.free(&group{}, r.books.notes.keys, r.books.notes.landing, 0)
	if r.flights.of("k") != nil || len(r.flights.matches) != 0 {
		t.Errorf("after the commit, the key's flight is %v and the matches are %v", r.flights.of("k"), r.flights.matches)
	}
}

// TestADoubtThatWasNeverMadeLeavesNothingBehind proves I6 for a row that is sent between the end of its key's doubt and
// the next commit: that commit must not free the key.
func TestADoubtThatWasNeverMadeLeavesNothingBehind(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, intents: intents{undecided: map[string]int{}}, flights: flights{busy: map[string]*flight{"k": {}}, matches: map[string]string{}}}
	p := &pending{span: &span{undecided: 1}, Change: Change{Key: "k", Sent: time.Now().Add(-time.Hour)}}
	r.resolveDoubt(p, nil, false)
	if r.flights.of("k") != nil {
		t.Fatal("the key isn't free")
	}
	r.flights.busy["k"] = &flight{} // sent
	r.flights.free(&group{}, r.books.notes.keys, r.books.notes.landing, 0)
	if r.flights.of("k") == nil {
		t.Error("the key is free although it is on its way")
	}
}

// TestAnArchiveInDoubtIsRepeatedAsOne proves that a record which is found still there after its archiving got no answer is
// archived, and not updated.
func TestAnArchiveInDoubtIsRepeatedAsOne(t *testing.T) {
	r := &run{Pipeline: &Pipeline{}, limits: Limits{Rows: 2}, packing: packing{open: map[Action]*group{}}, flights: flights{busy: map[string]*flight{}, matches: map[string]string{}}}
	p := &pending{span: &span{undecided: 1}, Change: Change{Key: "k", Action: Archive, ID: "1"}}
	if err := r.found(context.Background(), &doubt{p: p}, Outcome{Verdict: Found, ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if p.Action != Archive || r.packing.open[Archive] == nil {
		t.Errorf("it goes on as %v, in groups %v", p.Action, r.packing.open)
	}
}

// knowing is an empty store that knows a key.
type knowing struct {
	blank
	entry Entry
}

func (k knowing) Known(context.Context, string, []string) ([]Entry, error) {
	return []Entry{k.entry}, nil
}

// TestARecordThatIsFoundByItsIDMayHaveEitherMatchValue proves that links aren't led to a record by a match value of which
// nobody knows whether the record has got it, and not by the one before either, which it may have lost.
func TestARecordThatIsFoundByItsIDMayHaveEitherMatchValue(t *testing.T) {
	row := Entry{ID: "1", Match: "v"}
	for name, c := range map[string]struct {
		p     pending
		known Entry
		want  string // the id that the table is told; "" to forget
	}{
		"by its match value":                {pending{Change: Change{Action: Upsert, Match: "w"}}, Entry{}, "1"},
		"by its id, with its key":           {pending{Change: Change{Action: Update, ID: "1", Match: "k"}}, Entry{ID: "1"}, "1"},
		"by its id, with its value":         {pending{Change: Change{Action: Update, ID: "1", Match: "v"}}, row, "1"},
		"by its id, with another value":     {pending{Change: Change{Action: Update, ID: "1", Match: "w"}}, row, ""},
		"by its id, of a record taken over": {pending{Change: Change{Action: Update, ID: "1", Match: "v"}}, Entry{ID: "2", Match: "v"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{Pipeline: &Pipeline{}, store: knowing{entry: c.known}, limits: Limits{Object: "things", Match: "n"}, intents: intents{undecided: map[string]int{}}, flights: flights{busy: map[string]*flight{}, matches: map[string]string{}}}
			c.p.Key, c.p.Sent, c.p.span = "k", time.Now().Add(-time.Hour), &span{undecided: 1}
			if err := r.found(context.Background(), &doubt{p: &c.p, recalled: true}, Outcome{Verdict: Found, ID: "1", Made: true}); err != nil {
				t.Fatal(err)
			}
			if len(r.books.notes.decisions) != 1 {
				t.Fatalf("%d decisions", len(r.books.notes.decisions))
			}
			if got := r.books.notes.decisions[0].Record; got == nil || *got != (RecordID{Object: "things", Property: "n", Value: c.p.Match, ID: c.want}) {
				t.Errorf("the table is told %+v, want id %q", got, c.want)
			}
		})
	}
}

// committing is a store that a group with a row is being committed to: the commit ends once somebody has looked at the row.
type committing struct {
	blank
	version int64
	end     func()
}

func (c *committing) Owners(_ context.Context, _ string, ids []string) (map[string]string, error) {
	return map[string]string{ids[0]: "rival"}, nil
}

func (c *committing) Known(context.Context, string, []string) ([]Entry, error) {
	known := []Entry{{ID: "1", Version: c.version}}
	if c.end != nil {
		c.version++
		go c.end()
		c.end = nil
	}
	return known, nil
}

// TestOverwrittenBetweenDecisionAndCommit proves that a row is written again whose record another row may have overwritten, where
// that is found out while the commit of the row's own change is on its way.
func TestOverwrittenBetweenDecisionAndCommit(t *testing.T) {
	store := &committing{version: 4}
	r := &run{Pipeline: &Pipeline{}, store: store, intents: intents{undecided: map[string]int{}}, contested: contested{map[string][]string{}, map[string][]Sent{}},
		flights: flights{groups: 1, busy: map[string]*flight{"rival": {}}, matches: map[string]string{}}}
	r.flights.landed = sync.NewCond(&r.mu)
	store.end = func() { r.committed(&group{}, notes{keys: []string{"rival"}}, nil) }
	p := &pending{span: &span{undecided: 1}, Change: Change{Key: "k", Action: Update, ID: "2", Sent: time.Now().Add(-time.Hour)}}
	if err := r.found(t.Context(), &doubt{p: p}, Outcome{Verdict: Found, ID: "1"}); err != nil {
		t.Fatal(err)
	}
	r.land()
	for _, d := range r.books.notes.decisions {
		if d.Key == "rival" && d.Verdict == Found && d.Version == 5 {
			return
		}
	}
	t.Errorf("decided is %+v", r.books.notes.decisions)
}

// TestARecordThatARowIsOnItsWayTo proves that no other row gets a record that a row in doubt was found on, before the ledger has
// that: whether the attempt was an earlier process's, and the row is still to be read, or is sent once more.
func TestARecordThatARowIsOnItsWayTo(t *testing.T) {
	for _, recalled := range []bool{true, false} {
		r := &run{Pipeline: &Pipeline{}, store: blank{}, intents: intents{undecided: map[string]int{}}, packing: packing{open: map[Action]*group{}},
			limits: Limits{Rows: 100}, flights: flights{busy: map[string]*flight{}, matches: map[string]string{}}}
		r.flights.landed = sync.NewCond(&r.mu)
		p := &pending{span: &span{undecided: 1}, Change: Change{Key: "k", Match: "k", Action: Upsert, Sent: time.Now()}}
		if err := r.found(t.Context(), &doubt{p: p, recalled: recalled}, Outcome{Verdict: Found, ID: "9"}); err != nil {
			t.Fatal(err)
		}
		other := &pending{Change: Change{Key: "other", Match: "other", TraceID: "t", Action: Upsert}}
		rivals, err := r.rivals(t.Context(), []*pending{other}, map[string]Outcome{"t": {Verdict: Done, ID: "9"}})
		if err != nil || rivals["t"].Key != "k" {
			t.Errorf("recalled %v: the record is that of %q, want \"k\": %v", recalled, rivals["t"].Key, err)
		}
	}
}
