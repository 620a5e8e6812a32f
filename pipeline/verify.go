package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline/internal/digest"
)

// VerifyOptions are the choices of one verification.
type VerifyOptions struct {
	Options
	Repair bool          // have the next run write again what isn't as the ledger says
	Found  func(Finding) // called for every finding, from one goroutine
}

// Verify reads back what the ledger says that the destination has, and reports what isn't so: of every row that is
// written as the source has it now, the values of its record; of keys that have left the source, whether the record is
// there; and all links. It writes nothing to the destination.
//
// Without Repair it takes no lease and changes nothing, and may go on beside a run: what that writes meanwhile is counted
// as pending, since every finding is looked at in the ledger and the intents once more. With Repair it takes the
// pipeline's lease, and has the ledger forget what isn't true: the content of records that differ and of those that
// Limits.OnGone makes again, the former id of merged ones, links that aren't there. The next run writes those rows.
// Duplicates, deleted records, and archived ones that aren't to be made again are only reported.
//
// It returns an *AccountError if the state belongs to another account, and, with Repair, the errors of Run.
func (p *Pipeline) Verify(ctx context.Context, store Auditor, opts VerifyOptions) (Audit, error) {
	a, err := p.newAudit(ctx, store, opts.Options)
	if err != nil {
		return Audit{Name: p.Name, Status: statusOf(err)}, err
	}
	v := &verification{audit: a, opts: opts, twins: map[uint64]struct{}{}}
	a.lookout = lookout{table: digest.NewTable(0), marks: true}
	defer a.lookout.table.Close()
	if opts.Repair {
		err = v.repair(ctx)
	} else if err = a.sameAccount(ctx); err == nil {
		err = v.verify(ctx)
	}
	a.countRequests()
	v.result.Name, v.result.Status, v.result.Read = p.Name, statusOf(err), a.books.report.Read
	v.result.Requests, v.result.Seconds = a.books.report.Requests, time.Since(a.began).Round(time.Millisecond).Seconds()
	return v.result, err
}

// sameAccount refuses to compare the ledger with another account's records.
func (a *audit) sameAccount(ctx context.Context) error {
	bound, err := a.store.Bound(ctx)
	if err == nil && bound != "" && bound != a.account {
		err = &AccountError{Bound: bound, Given: a.account}
	}
	return err
}

// A verification is one pipeline on its way through Verify.
type verification struct {
	*audit
	opts   VerifyOptions
	result Audit
	twins  map[uint64]struct{} // hashes of the record ids of the ledger
	shared map[string]bool     // ids that several keys may have
}

// A suspicion is a row that may not be as the ledger says.
type suspicion struct {
	KeyedEntry
	id       string // of the record that answered, where it was merged
	match    string
	findings []Finding
	links    []LinkState // that aren't there
}

// repair verifies under the pipeline's lease.
func (v *verification) repair(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// The checkpoint goes: rows that are to be written again may lie before it.
	var resume Resume
	err := UntilDrained(ctx, v.opts.Drain, func(ctx context.Context) (err error) {
		resume, err = v.store.Start(ctx, Begin{Pipeline: v.Name, Account: v.account, Fingerprint: v.Fingerprint, Full: true, OnLost: stop,
			Target: v.limits.Object})
		return err
	})
	if err != nil {
		return err
	}
	ctx = withPermit(ctx, resume.Permit)
	if err = v.lease(ctx, resume); err == nil {
		err = v.verify(ctx)
	}
	return v.end(ctx, err)
}

// verify is the way of a row: source, transforms, ledger, destination; and then that of the ledger's own rows.
func (v *verification) verify(ctx context.Context) error {
	if !v.limits.LinksOnly {
		if err := v.rows(ctx, v.checkRows); err != nil {
			return err
		}
	} else if err := v.rows(ctx, func(context.Context, []*pending) error { return nil }); err != nil {
		return err
	}
	if err := v.pages(ctx, v.checkPage); err != nil {
		return err
	}
	if len(v.shared) == 0 {
		return nil
	}
	return v.shares(ctx)
}

// checkRows reads back the records of rows that are written as they are now, or as they were once for all.
func (v *verification) checkRows(ctx context.Context, list []*pending) error {
	var written []*pending
	for _, p := range list {
		if p.entry.Version > 0 && (p.entry.Hash == p.Hash || v.madeForGood(&p.entry)) && !p.entry.Held {
			written = append(written, p)
		} else {
			v.result.Pending++
		}
	}
	readings, err := v.read(ctx, written)
	if err != nil {
		return err
	}
	var suspects []suspicion
	for i, p := range written {
		v.result.Checked++
		s := v.suspect(p, &readings[i])
		if len(s.findings) > 0 {
			suspects = append(suspects, s)
		} else if readings[i].Presence == Unsure {
			v.unsure(&v.result.Unsure, p, &readings[i])
		}
	}
	return v.confirm(ctx, suspects)
}

// suspect compares a row with the reading of its record.
func (v *verification) suspect(p *pending, r *Reading) suspicion {
	s := suspicion{KeyedEntry: KeyedEntry{p.Key, p.entry}, match: p.Match}
	find := func(f Finding) {
		f.Pipeline, f.Key, f.ID = v.Name, p.Key, p.entry.ID
		s.findings = append(s.findings, f)
	}
	switch {
	case v.limits.ignores(r.Presence): // as it may be
	case r.Presence == Archived:
		find(Finding{Kind: FoundArchived})
	case r.Presence == Nowhere:
		find(Finding{Kind: FoundDeleted})
	case r.Presence == There && p.entry.ID != "" && r.ID != p.entry.ID:
		s.id = r.ID
		find(Finding{Kind: FoundMerged, Other: r.ID})
	}
	if r.Twin != "" {
		find(Finding{Kind: FoundDuplicate, Other: r.Twin})
	}
	if v.limits.CreateOnly {
		return s // what becomes of a record after it was made is not the pipeline's
	}
	for _, d := range r.Differences {
		find(Finding{Kind: FoundDrift, Property: d.Property, Want: d.Want, Got: d.Got, Kept: d.Kept})
	}
	return s
}

// checkPage looks at entries of the ledger by themselves: records whose rows have left the source, ids that several
// keys have, and links.
func (v *verification) checkPage(ctx context.Context, page []KeyedEntry) error {
	var left []*pending
	for i := range page {
		e := &page[i]
		if e.ID == "" {
			continue
		}
		if _, again := v.twins[keyHash(e.ID)]; again {
			if v.shared == nil {
				v.shared = map[string]bool{}
			}
			v.shared[e.ID] = true
		}
		v.twins[keyHash(e.ID)] = struct{}{}
		if !v.isSeen(e.Key) {
			left = append(left, &pending{entry: e.Entry, Change: Change{Key: e.Key, ID: e.ID}})
		}
	}
	readings, err := v.read(ctx, left)
	if err != nil {
		return err
	}
	for i := range readings {
		if readings[i].Presence == There {
			v.result.Left++
		}
	}
	return v.checkLinks(ctx, page)
}

// checkLinks reads back the links that the ledger shows, but for those that may only have been intended.
func (v *verification) checkLinks(ctx context.Context, page []KeyedEntry) error {
	links, states, owners := writtenLinks(page)
	if len(links) == 0 {
		return nil
	}
	v.result.Links += int64(len(links))
	there, err := v.reader.ReadLinks(ctx, links)
	if err != nil {
		return fmt.Errorf("read back links: %w", err)
	}
	var suspects []suspicion
	waiting := waitingSlots{run: v.run}
	for i, l := range links {
		switch there[i] {
		case There:
			continue
		case Unsure:
			v.result.Unsure++
			continue
		}
		if waits, err := waiting.has(ctx, owners[i], l.Slot); err != nil {
			return err
		} else if waits {
			continue
		}
		f := Finding{Pipeline: v.Name, Kind: FoundUnlinked, Key: l.Key, ID: l.From.ID, Other: l.To.ID}
		if n := len(suspects); n == 0 || suspects[n-1].Key != l.Key {
			suspects = append(suspects, suspicion{KeyedEntry: *owners[i]})
		}
		s := &suspects[len(suspects)-1]
		s.findings = append(s.findings, f)
		s.links = append(s.links, states[i])
	}
	return v.confirm(ctx, suspects)
}

// writtenLinks returns the links that rows of the ledger show, but for those that may only have been intended: as the sink reads
// them back, as the ledger shows them, and whose they are.
func writtenLinks(page []KeyedEntry) (links []LinkChange, states []LinkState, owners []*KeyedEntry) {
	for i := range page {
		e := &page[i]
		for _, s := range e.Links {
			if !s.Intended {
				links, states, owners = append(links, s.link(e.Key)), append(states, s), append(owners, e)
			}
		}
	}
	return links, states, owners
}

// link returns the change that would make the link.
func (s *LinkState) link(key string) LinkChange {
	return LinkChange{Key: key, Slot: s.Slot, Label: s.Label, From: LinkEnd{Object: s.From, ID: s.FromID}, To: LinkEnd{Object: s.To, ID: s.ToID}}
}

// shares reports the rows whose record another row has too.
func (v *verification) shares(ctx context.Context) error {
	first := map[string]string{}
	return v.pages(ctx, func(ctx context.Context, page []KeyedEntry) error {
		var suspects []suspicion
		for _, e := range page {
			if !v.shared[e.ID] {
				continue
			}
			if other, taken := first[e.ID]; taken {
				f := Finding{Pipeline: v.Name, Kind: FoundDuplicate, Key: e.Key, ID: e.ID, Other: e.ID, OtherKey: other}
				suspects = append(suspects, suspicion{KeyedEntry: e, findings: []Finding{f}})
			} else {
				first[e.ID] = e.Key
			}
		}
		return v.confirm(ctx, suspects)
	})
}
