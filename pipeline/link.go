package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"sluice/pipeline/failpoint"
)

// A linking is what is known of the links that wait. Only the reading goroutine uses it.
type linking struct {
	late   map[string]bool // those, by linkName, that an earlier process may have sent
	vague  []LinkChange    // of which no answer has said what became, when links were last written
	parked bool            // all of them were looked at, at last
}

// linkTries bounds how often links whose answer was lost are written again within a run; writing them is safe to repeat.
const linkTries = 4

// link writes the waiting links whose ends are known. The store's list of them is their intent: it was committed with
// the rows that ask for them. At last, ends that none of our pipelines has written are looked up in the destination,
// and what is still waiting then is parked.
func (r *run) link(ctx context.Context, last bool) error {
	if r.links == nil {
		return nil
	}
	r.mu.Lock()
	r.books.wanted = 0
	r.mu.Unlock()
	r.targets.missed, r.linking.vague = map[recordKey]bool{}, nil
	var parked int64
	late := overdue{run: r}
	settled := last && r.opts.Plan == nil // a plan may have a link wait whose record is there
	for page, err := range waitingPages(ctx, r.store, r.Name, max(1, r.limits.Links)) {
		if err != nil {
			return err
		}
		due, err := r.due(ctx, page, last)
		if err != nil {
			return err
		}
		left, err := r.linkInOrder(ctx, due)
		if err == nil && settled {
			err = late.look(ctx, page)
		}
		if err != nil {
			return err
		}
		parked += int64(len(page) - len(due) + left)
		if err := r.failed(); err != nil {
			return err
		}
		if r.draining() {
			return ErrInterrupted
		}
	}
	if err := late.tell(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.books.report.Parked, r.books.report.Overdue, r.linking.parked = parked, late.rows, settled
	return nil
}

// waitingPages yields the links of a pipeline that wait, up to limit at a time.
func waitingPages(ctx context.Context, store Store, pipeline string, limit int) iter.Seq2[[]LinkChange, error] {
	return func(yield func([]LinkChange, error) bool) {
		var after *LinkChange
		for {
			page, err := store.Waiting(ctx, pipeline, after, limit)
			if err != nil {
				yield(nil, fmt.Errorf("read waiting links: %w", err))
				return
			}
			if len(page) == 0 {
				return
			}
			after = &page[len(page)-1]
			if !yield(page, nil) {
				return
			}
		}
	}
}

// due returns the links of a page that can be written now.
func (r *run) due(ctx context.Context, page []LinkChange, ask bool) ([]LinkChange, error) {
	if ask {
		if err := r.findEnds(ctx, page); err != nil {
			return nil, fmt.Errorf("look up the ends of waiting links: %w", err)
		}
	}
	due := make([]LinkChange, 0, len(page))
	for _, l := range page {
		r.mu.Lock()
		busy := r.flights.of(l.Key)
		r.mu.Unlock()
		if l.From.ID != "" && l.To.ID != "" && (busy == nil || busy.decided) && !r.linking.late[linkName(&l)] {
			due = append(due, l)
		}
	}
	return r.plannedLinks(ctx, due)
}

// findEnds fills in the ids of ends that are known by a unique property only.
func (r *run) findEnds(ctx context.Context, page []LinkChange) error {
	r.targets.forget()
	unknown := map[Lookup][]string{}
	ends := func(l *LinkChange) []*LinkEnd { return []*LinkEnd{&l.From, &l.To} }
	for i := range page {
		for _, end := range ends(&page[i]) {
			if end.ID == "" && end.Property != "" {
				look := Lookup{Object: end.Object, Property: end.Property}
				unknown[look] = append(unknown[look], end.Value)
			}
		}
	}
	for _, look := range slices.SortedFunc(maps.Keys(unknown), compareLookups) {
		values := unknown[look]
		slices.Sort(values)
		values = slices.DeleteFunc(slices.Compact(values), func(v string) bool {
			key := recordKey{look.Object, look.Property, v}
			asked := r.targets.missed[key]
			r.targets.missed[key] = true
			return asked
		})
		if err := r.learn(ctx, &look, values, true); err != nil {
			return err
		}
	}
	var found []*LinkChange
	for i := range page {
		for _, end := range ends(&page[i]) {
			if end.ID == "" && end.Property != "" {
				end.ID = r.targets.ids[recordKey{end.Object, end.Property, end.Value}]
				found = append(found, &page[i])
			}
		}
	}
	return fillWas(ctx, r.store, r.Name, found)
}

func compareLookups(a, b Lookup) int {
	return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Property, b.Property))
}

// fillWas fills in what the ledger shows of links whose ends the store couldn't tell: an earlier attempt may have made them.
func fillWas(ctx context.Context, store Store, pipeline string, links []*LinkChange) error {
	if len(links) == 0 {
		return nil
	}
	keys := make([]string, len(links))
	for i, l := range links {
		keys[i] = l.Key
	}
	entries, err := store.Known(ctx, pipeline, keys)
	if err != nil {
		return err
	}
	for i, l := range links {
		at := slices.IndexFunc(entries[i].Links, func(s LinkState) bool { return s.holds(l) })
		if at >= 0 && l.From.ID != "" && l.To.ID != "" {
			l.Was = &entries[i].Links[at]
		}
	}
	return nil
}

// linkPage writes links until all are decided, and returns how many are left undecided after a bounded number of tries.
func (r *run) linkPage(ctx context.Context, due []LinkChange) (int, error) {
	was := map[string]*LinkState{} // what was there before; of the rest nothing stays on the books if it is refused
	for i := range due {
		was[linkName(&due[i])] = due[i].Was
	}
	for range linkTries {
		if len(due) == 0 {
			return 0, nil
		}
		if err := r.share(ctx, due); err != nil {
			return len(due), err
		}
		outcomes, err := r.links.Link(ctx, due, r.intendLinks)
		failpoint.Reach("link.write.after")
		decided, cerr := r.commitLinks(ctx, follow(outcomes, was), was)
		if err != nil || cerr != nil {
			return len(due), errors.Join(err, cerr)
		}
		due = slices.DeleteFunc(slices.Clone(due), func(l LinkChange) bool { return decided[linkName(&l)] })
	}
	if r.linking.vague = append(r.linking.vague, due...); len(r.linking.vague) > max(1, r.limits.Rows) { // then it isn't the links
		return len(due), r.linking.vagueError()
	}
	return len(due), nil
}

// linkInOrder writes the links of a page. One that waited for its target may turn out to be the link that its row gives up: that is
// taken back before it is made, so that the removal doesn't take it away. It returns how many are left to the next run.
func (r *run) linkInOrder(ctx context.Context, due []LinkChange) (int, error) {
	first, again := madeAgain(due)
	left, err := r.linkPage(ctx, first)
	if err != nil || left > 0 {
		return left + len(again), err
	}
	return r.linkPage(ctx, again)
}

// madeAgain takes the links out of a page that it removes, too.
func madeAgain(due []LinkChange) (first, again []LinkChange) {
	removed := map[string]bool{}
	for i := range due {
		if l := due[i]; l.Remove {
			l.Remove = false
			removed[linkName(&l)] = true
		}
	}
	for _, l := range due {
		if !l.Remove && removed[linkName(&l)] {
			l.Was = nil
			again = append(again, l)
		} else {
			first = append(first, l)
		}
	}
	return first, again
}

// vagueError returns an error if no answer says what became of some links.
func (l *linking) vagueError() error {
	if len(l.vague) == 0 {
		return nil
	}
	return fmt.Errorf("no answer says what became of %d links, such as that of key %q; they stay on the list for the next run", len(l.vague), l.vague[0].Key)
}

// linkName tells the links of one page apart.
func linkName(l *LinkChange) string {
	return fmt.Sprintf("%q %q %v %s %s", l.Key, l.Slot, l.Remove, l.From.ID, l.To.ID)
}

// intendLinks writes down what links are about to be (I5): the ledger shows them from now on, so that they are taken
// back with their row even if this process never learns whether they were made.
func (r *run) intendLinks(ctx context.Context, intended []LinkOutcome) error {
	c := r.newCommit()
	for i := range intended {
		o := &intended[i]
		if o.State = o.State.askedBy(o.Change); o.State != nil {
			o.State.Intended = true
		}
		d := linkDecision(o)
		d.Intended = true
		c.Links = append(c.Links, d)
	}
	failpoint.Reach("link.intend.before")
	if err := r.record(ctx, c); err != nil {
		return fmt.Errorf("write down what is about to be linked: %w", err)
	}
	if err := failpoint.At("link.intend.after"); err != nil {
		return err
	}
	for _, o := range intended {
		o.Change.Was = o.State
	}
	return nil
}

func linkDecision(o *LinkOutcome) LinkDecision {
	l := o.Change
	return LinkDecision{Key: l.Key, Slot: l.Slot, Remove: l.Remove, From: l.From.ID, To: l.To.ID, State: o.State.askedBy(l), Answer: o.Answer}
}

// commitLinks records what became of links and moves their rows from one counter to the other.
func (r *run) commitLinks(ctx context.Context, outcomes []LinkOutcome, was map[string]*LinkState) (map[string]bool, error) {
	decided := make(map[string]bool, len(outcomes))
	c := r.newCommit()
	r.mu.Lock()
	for _, o := range outcomes {
		d := linkDecision(&o)
		if o.Verdict == Refused {
			if d.State == nil && was[linkName(o.Change)] != nil {
				d.State = o.Change.Was
			}
			d.Reject = &Reject{Key: o.Change.Key, Place: r.books.placeOf(o.Change.Key), Stage: StageLink, Code: rejectCode(o.Err), Err: o.Err, Answer: o.Answer}
		}
		c.Links = append(c.Links, d)
		decided[linkName(o.Change)] = true
	}
	r.countRequests()
	c.Report = r.books.report
	r.mu.Unlock()
	if err := r.record(ctx, c); err != nil {
		return nil, err
	}
	if err := failpoint.At("link.commit.after"); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range outcomes {
		r.bookLink(&o)
	}
	return decided, nil
}
