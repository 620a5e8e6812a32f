package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A world is everything of one seed: a store, a destination, a source that changes, people, and processes that come and go.
type world struct {
	s           *schedule
	store       *model.Store
	incremental bool
	page        int           // rows in a page of the source
	slow        time.Duration // no step of a call takes longer
	collisions  bool
	shared      bool // others name records, too
	unfollowed  bool // no link is made by the id of a record that was merged into another one
	tooLate     bool // requests take effect after they can no longer land: what the engine assumes isn't so

	poison   string // a name that gets no answer while faulty is true; "" if there is none
	poisoned []fate // what becomes of requests with it
	mute     string // a key that isn't told of while faulty is true; "" if there is none

	// The shares of calls that go wrong while faulty is true; it changes only while no process runs.
	faulty                                           bool
	writeFaults, readFaults, storeFaults, pageFaults float64

	// Only the driver changes these, while no process runs.
	version int
	sources map[int][]simRow

	mu         sync.Mutex
	hub        *hub
	pairs      *pairs // instead of records; nil if rows are records
	processes  []*process
	retried    map[string]bool  // keys whose dead letters somebody wants to be sent again
	groups     map[string]int64 // the epoch of each group
	counts     map[string]int   // how often each rare state was met
	recoveries int              // processes in a row that were killed in recovery
	requests   int
	merges     bool
	parked     bool
	done       int64     // the last run that was done
	last       time.Time // when something went wrong for the last time
	crimes     sync.Mutex
	broken     []string
	late       sync.WaitGroup // requests that may still take effect
}

// newWorld makes the world of a seed.
func newWorld(seed uint64) *world {
	w := &world{s: newSchedule(seed), store: model.New(), faulty: true, sources: map[int][]simRow{}, groups: map[string]int64{}, retried: map[string]bool{}, counts: map[string]int{}}
	d := w.s.dice("world")
	w.incremental, w.collisions = d.chance(0.2), d.chance(0.3)
	w.page, w.slow = 2+d.n(12), pick(d, 20*time.Millisecond, 300*time.Millisecond, 3*time.Second)
	w.writeFaults, w.readFaults = pick(d, 0.05, 0.2, 0.5), pick(d, 0, 0.1, 0.3)
	w.storeFaults, w.pageFaults = pick(d, 0, 0.01, 0.05), pick(d, 0, 0.05)
	l := pipeline.Limits{Object: "things", Match: "id", Rows: 1 + d.n(8), Writes: 1 + d.n(4), Links: 1 + d.n(10), Landing: landing,
		OnGone: pick(d, pipeline.RejectGone, pipeline.RecreateGone, pipeline.IgnoreGone)}
	switch d.n(6) {
	case 0:
		l.CreateOnly, l.Inline = true, d.chance(0.5)
	case 1:
		l.CreateOnly, l.Unkeyed, l.Match = true, true, ""
	}
	w.hub = newHub(w, l)
	if d.chance(0.15) {
		newPairs(w, d)
	}
	w.mirrored()
	w.shares()
	w.unfollowed = w.s.dice("links of merged records").chance(0.7)
	if d.chance(0.1) {
		w.poison, w.poisoned = "name 2", pick(d, []fate{dropped}, []fate{dropped, unheard, partial, late})
	}
	if d := w.s.dice("mute"); d.chance(0.05) {
		w.mute = fmt.Sprintf("k%d", d.n(20))
	}
	return w
}

// fault returns p while things go wrong.
func (w *world) fault(p float64) float64 {
	if w.faulty {
		return p
	}
	return 0
}

// count notes a rare state. The caller holds mu.
func (w *world) count(state string) { w.counts[state]++ }

// met notes that something went wrong.
func (w *world) met(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count(state)
	w.disturbed()
}

// disturbed notes the time of the last fault. The caller holds mu.
func (w *world) disturbed() { w.last = time.Now() }

// violate notes a broken invariant.
func (w *world) violate(format string, args ...any) {
	w.crimes.Lock()
	defer w.crimes.Unlock()
	text := fmt.Sprintf("at %v: ", w.s.now()) + fmt.Sprintf(format, args...)
	w.broken = append(w.broken, text)
	w.s.note("VIOLATED %s", text)
}

// launch starts a process on the current rows.
func (w *world) launch(opts pipeline.Options, killAt int) *process {
	w.mu.Lock()
	p := &process{w: w, name: fmt.Sprintf("p%d", len(w.processes)+1), drain: make(chan struct{}), ended: make(chan struct{}), killAt: killAt}
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	w.s.note("%s starts, to be killed at step %d", p.name, killAt)
	go p.run(w.sources[w.version], opts)
	return p
}

// later lets something happen in the destination after its request was given up. The caller holds mu.
func (w *world) later(after time.Duration, do func()) {
	w.late.Add(1)
	time.AfterFunc(after, func() {
		defer w.late.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		do()
	})
}

// play plays the seed to its end.
func (w *world) play() {
	d := w.s.dice("play")
	for range 1 + d.n(3) {
		w.change(d)
		for range d.n(4) {
			time.Sleep(d.wide(time.Millisecond, 3*landing))
			if d.chance(0.3) {
				w.retry(d)
			}
			if d.chance(0.1) {
				w.takeover()
			} else {
				w.episode()
			}
		}
	}
	w.calm(d)
	for _, p := range w.processes {
		p.cancel(nil)
	}
	w.late.Wait()
}

// change gives the source other rows.
func (w *world) change(d *dice) {
	was := w.sources[w.version]
	rows := newRows(d, 8+d.n(28), w.collisions)
	switch {
	case w.incremental:
		rows = append(slices.Clone(was), rows...)
	case len(was) > 0 && d.chance(0.6): // some rows are others, and some are gone
		edited := slices.Clone(was)
		for i := range edited {
			if d.chance(0.3) {
				edited[i] = rows[d.n(len(rows))]
			}
		}
		w.rename(edited)
		rows = edited[:len(edited)-d.n(len(edited)/2)]
	}
	if w.pairs != nil {
		rows = slices.Clone(rows)
		for i := range rows {
			if !strings.Contains(rows[i].name, ":") {
				rows[i] = rows[i].link(d, w.pairs.share)
			}
		}
	}
	w.othersMake(d)
	w.version++
	w.sources[w.version] = number(rows)
	w.s.note("the source has %d rows", len(rows))
	for _, r := range rows {
		w.s.note("row %q %q %q", r.id, r.name, r.parent)
	}
}

// rename gives some rows another name, which go on to ask for the links that they have.
func (w *world) rename(rows []simRow) {
	d := w.s.dice("rename")
	for i := range rows {
		if w.unfollowed && rows[i].parent != "" && strings.HasPrefix(rows[i].name, "name ") && d.chance(0.5) {
			rows[i].name = fmt.Sprintf("name %d", d.n(4))
		}
	}
}

// calm lets everything go well from now on, and looks at what has become of it.
func (w *world) calm(d *dice) {
	w.faulty = false
	if w.pairs != nil {
		clear(w.pairs.absent)
	}
	time.Sleep(d.between(time.Millisecond, 2*landing))
	w.answerAll()
	began := time.Now()
	p := w.launch(pipeline.Options{AllowMassChange: true}, 0)
	<-p.ended
	if took := time.Since(began); p.err != nil || took > 5*time.Minute {
		w.violate("I19: after the last fault, a run took %v and ended with %v", took, p.err)
		return
	}
	if w.pairs != nil {
		w.finalPairs()
	} else {
		w.final()
	}
	time.Sleep(time.Hour)
	if !w.incremental {
		w.version++
		w.sources[w.version] = number(effective(w.sources[w.version-1]))
	}
	runs := 2
	if w.collisions {
		runs = 3 // one tells that a row comes under another key, one lets go of its record, and the next takes that up
	}
	if w.merges {
		runs = max(runs, w.crowd()+1) // one row of a record is told, or let go, by each run, and the one that is left is written after the others
	}
	for n := range runs {
		requests := w.requests
		p := w.launch(pipeline.Options{AllowMassChange: true}, 0)
		<-p.ended
		// The first such run may write once more a row whose record another one has overwritten, one whose match value was
		// that of a row which was refused meanwhile, and one that was refused while a link of its earlier content was refused
		// too: the ledger remembers one refusal of a key. A mirror finds that the rows have left which are left out here.
		settled := n == runs-1 || w.pairs == nil && !w.mirrors() && !w.merges && !w.collisions && w.counts["link refused"]+w.counts["link of a record that is gone"] == 0
		if p.err != nil || settled && (w.requests != requests || p.report.Written != 0) {
			w.violate("I9: a run over an unchanged source made %d requests: %+v, %v", w.requests-requests, p.report, p.err)
		}
		time.Sleep(time.Hour)
	}
	if open := w.store.Open(); len(open) > 0 {
		w.violate("%d groups of intents were left open", len(open))
	}
}
