package hubspot

import (
	"context"
	"regexp"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A conflict is an entry whose unique value another record has: the one with the id, if that was told.
type conflict struct {
	entry
	id       string
	item     *crm.ItemError
	property string // whose value it is; "" where only the item may tell
	archived bool   // the other record is in the recycle bin
}

func isConflict(item *crm.ItemError) bool {
	return item.Category == "CONFLICT" || item.ExistingID() != ""
}

// conflicts refuses rows whose unique value another record has, or writes to that record where the configuration asks for
// it. A create that was sent before may be in conflict with its own earlier attempt: it is done if the record holds what
// was sent, and in doubt while no record is seen.
func (w *writing) conflicts(ctx context.Context, conflicts []conflict) {
	var adopted []entry
	taken := map[string]bool{}
	for _, c := range conflicts {
		sent := c.Action == pipeline.Create && !c.Sent.IsZero() && c.adopted == nil
		if c.fold != "" && (sent || c.Action == pipeline.Create && c.id == "") {
			record, l, err := w.holder(ctx, &c)
			switch {
			case err != nil:
				w.log.Warn("a conflict can't be read back now", "error", err)
				continue // in doubt
			case record == nil && sent:
				continue // in doubt: it isn't seen yet
			case sent && !c.archived && w.holds(record, c.Change):
				w.found(c.entry, record.ID, l)
				continue
			case record != nil:
				c.id = record.ID
			}
		}
		if w.adopt && c.id != "" && !c.archived && c.adopted == nil && c.Action != pipeline.Update && !taken[c.id] {
			owner, err := w.ownerOf(ctx, &c)
			switch {
			case err != nil:
				w.log.Warn("it can't be told now whose record a conflict is about", "error", err)
			case owner != "":
				w.refuseTaken(c, w.ownedError(c, owner))
			default:
				taken[c.id] = true
				adopted = append(adopted, w.adopted(c))
			}
			continue
		}
		w.refuseTaken(c, w.conflictError(c))
	}
	if adopted = w.spareAdopted(ctx, adopted); len(adopted) > 0 {
		w.todo = append(w.todo, batch{pipeline.Update, adopted})
	}
}

// refuseTaken refuses a row for a value that another record has, and that it may let go of unless it is in the recycle bin.
func (w *writing) refuseTaken(c conflict, err error) {
	w.refuse(c.Change, c.item, err)
	w.outcomes[len(w.outcomes)-1].Taken = !c.archived
}

// ownerOf returns the key of the other row that the record of a conflict belongs to, one of the same request included.
func (w *writing) ownerOf(ctx context.Context, c *conflict) (string, error) {
	if key := w.rows[c.id]; key != "" && key != c.Key {
		return key, nil
	}
	return pipeline.Holder(ctx, c.id, c.Key)
}

// adopted returns what is sent to the record of a conflict instead.
func (w *writing) adopted(c conflict) entry {
	e := c.entry
	e.adopted, e.links = &c, nil
	if property, value := w.taken(c); property == "email" && w.finds(property) && !e.Change.Keeps(property) {
		e.Change.Kept = append(e.Change.Kept, pipeline.Kept{Property: property, Want: value, Why: pipeline.KeptAlias})
	}
	e.input.Properties = w.properties(e.Change, pipeline.Update)
	e.input.ID, e.input.IDProperty, e.input.Associations = c.id, "", nil
	return e
}

// holder returns the record that a create is in conflict with, with all properties that are written; nil if none is seen.
// Where its id was told it is read by that, which sees a new record at once (API.md section 11.1). An archived record may
// still have its unique values (section 11.4).
func (w *writing) holder(ctx context.Context, c *conflict) (*crm.Result, *lookup, error) {
	property, value := w.matchName(), c.fold
	if c.id != "" {
		property, value = recordID, c.id
	}
	for _, archived := range []bool{false, true} {
		l := w.lookup(w.object, w.path, property, w.written()...)
		l.archived = archived
		if err := l.read(ctx, []string{value}); err != nil {
			return nil, l, err
		}
		if record := l.found[value]; record != nil {
			c.archived = archived
			if property == w.matchName() {
				c.property = property
			}
			return record, l, nil
		}
	}
	return nil, nil, nil
}

// coordinates is how HubSpot names a unique value that another record has (API.md section 6.3).
var coordinates = regexp.MustCompile(`PropertyValueCoordinates\{.*?propertyName=([^,}]+), value=(.*)\} on `)

// conflictError says which record has which value of the row, and what to do.
func (w *writing) conflictError(c conflict) error {
	other := "another record of " + w.object
	if c.id != "" {
		other = "record " + c.id + " of " + w.object
	}
	const whenFree = "use `sluice rejects retry` once it has let go of the value; if it is archived, restore it in HubSpot or delete it there for good first"
	advice := whenFree
	switch {
	case c.archived:
		other += " (archived)"
		advice = "restore it in HubSpot, or delete it there for good, then use `sluice rejects retry`"
	case !w.adopt && c.Action != pipeline.Update:
		advice = "set on_conflict: update to write to that record, or " + whenFree
	}
	property, value := w.taken(c)
	if property == "" {
		return pipeline.Rejectf("conflict", "%s already has a unique value of this row: %w; %s", other, c.item, advice)
	}
	return pipeline.Rejectf("conflict", "%s already has %s %s, which only one record can have; %s", other, property, pipeline.Quote(value), advice)
}

// ownedError says that the record which has a value of the row is that of another row.
func (w *writing) ownedError(c conflict, owner string) error {
	what := "a unique value of this row"
	if property, value := w.taken(c); property != "" {
		what = property + " " + pipeline.Quote(value)
	}
	return pipeline.Rejectf("key_collision", "record %s of %s has %s, and is that of the row with key %q: one record can't be two rows; take one of them out of the source, or have them differ in it",
		c.id, w.object, what, owner)
}

// taken returns the property that a conflict is about, and the row's value of it; "" if that isn't told. A conflict that
// names none is about a contact's address (API.md section 6.3).
func (w *writing) taken(c conflict) (property, value string) {
	property = c.property
	if c.item != nil && property == "" {
		if m := coordinates.FindStringSubmatch(c.item.Message); m != nil {
			property, value = m[1], m[2]
		} else if c.item.Category == "CONFLICT" && classicName(w.path) == "contacts" {
			property = "email"
		}
	}
	if own := c.valueOf(property); own != "" {
		value = own
	}
	if value == "" {
		return "", ""
	}
	return property, value
}

// strangerError says that a create's answer was lost, and that a record isn't proven to be the one that it made.
func (s *Sink) strangerError(c *pipeline.Change, id string, differs []pipeline.Difference) error {
	names := make([]string, len(differs))
	for i, d := range differs {
		names[i] = d.Property
	}
	return pipeline.Rejectf("conflict", "record %s of %s may be the one that this row (%s %s) has made, or somebody else's: its %s isn't what was sent; look at it in HubSpot, and set on_conflict: update to write to it",
		id, s.object, s.matchName(), pipeline.Quote(c.Match), strings.Join(names, ", "))
}
