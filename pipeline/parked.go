package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ParkedTooLong is the code of dead letters of links that have waited longer than their Lookup.MaxAge for a record. Their
// rows stay written and the links go on waiting: a link is made as soon as its record is there, and the dead letter is
// closed by the run that makes it.
const ParkedTooLong = "parked_too_long"

// The stages of dead letters about what was to be written.
const (
	StageSink = "sink" // of rows
	StageLink = "link" // of links
)

// overdue gathers the dead letters of links that have waited too long. Links come in the order of their keys; a key has
// one letter, which names all of its links.
type overdue struct {
	*run
	rejects []Reject
	said    []string // of the key of the last reject
	rows    int64
}

// look looks at a page of waiting links, whose ends are filled in as far as they are known.
func (o *overdue) look(ctx context.Context, page []LinkChange) error {
	for i := range page {
		l := &page[i]
		missing := o.missing(l)
		if len(missing) == 0 {
			continue
		}
		last := len(o.rejects) - 1
		if last < 0 || o.rejects[last].Key != l.Key {
			if len(o.rejects) >= notesKept {
				if err := o.tell(ctx); err != nil {
					return err
				}
			}
			o.said, last = nil, len(o.rejects)
			o.rows++
			o.mu.Lock()
			place := o.books.placeOf(l.Key)
			o.mu.Unlock()
			o.rejects = append(o.rejects, Reject{Key: l.Key, Place: place, Stage: StageLink, Code: ParkedTooLong})
		}
		o.said = append(o.said, missing...)
		o.rejects[last].Err = Rejectf(ParkedTooLong, "%s; the row itself is written", strings.Join(o.said, "; "))
	}
	return nil
}

// missing says of each end of a link that has waited too long what it waits for.
func (o *overdue) missing(l *LinkChange) (said []string) {
	at := slices.IndexFunc(o.specs, func(s LinkSpec) bool { return s.Slot == l.Slot })
	if at < 0 || l.Remove || l.Since.IsZero() {
		return nil
	}
	ends := []LinkEnd{l.From, l.To}
	for i, field := range []int{o.specs[at].FromField, o.specs[at].ToField} {
		if field < 0 || ends[i].ID != "" {
			continue
		}
		f := &o.schema.Fields[field]
		if f.Lookup != nil && f.Lookup.MaxAge > 0 && time.Since(l.Since) > f.Lookup.MaxAge {
			said = append(said, fmt.Sprintf("%s: since %s there has been no record of %s whose %s is %s, which is longer than max_age (%s): write it, or correct the row",
				f.Name, l.Since.UTC().Format(time.DateTime), ends[i].Object, ends[i].Property, Quote(ends[i].Value), formatAge(f.Lookup.MaxAge)))
		}
	}
	return said
}

// formatAge writes a duration as people do who have written it: in days, if it is some.
func formatAge(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// tell records the dead letters.
func (o *overdue) tell(ctx context.Context) error {
	if len(o.rejects) == 0 {
		return nil
	}
	c := o.newCommit()
	c.Rejects = o.rejects
	o.mu.Lock()
	c.Report = o.books.report
	o.mu.Unlock()
	o.rejects = nil
	if err := o.record(ctx, c); err != nil {
		return fmt.Errorf("record links that have waited too long: %w", err)
	}
	return nil
}
