package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// A Keeper is a Sink that leaves properties as others have set them, where the schema asks for it (see Field.IfEmpty and
// Field.Shared), and records that others have a part in. A sink that mirrors records is one.
type Keeper interface {
	// Keep is called right before changes that all have the same Action are written down and sent, and before each further
	// attempt. It reads what the destination has, sets Kept of each change, and returns an outcome for those that leave
	// nothing to be written: Done, with NoOp and Same. Where the schema asks for nothing, it reads nothing. It is called
	// concurrently.
	//
	// An Archive of a row that has left the source (Limits.Mirror) is to be sent only if the record is still there under its
	// id, and nobody has merged another one into it: if it isn't, the outcome is Done, and NoOp; if that can't be told, it is
	// Unwritten, and Passing. If an earlier attempt may have taken the record away, it is sent also where the record is gone.
	Keep(ctx context.Context, changes []Change) ([]Outcome, error)
}

// A Kept is a property that a change leaves as the destination has it. Field names don't change once released.
type Kept struct {
	Property string    `json:"property"`
	Want     string    `json:"want"` // what the row asks for; both values are as the destination spells them
	Got      string    `json:"got"`
	Why      KeptCause `json:"why"`
}

// A KeptCause says why a property is left as it is.
type KeptCause string

// Why a property is left as it is.
const (
	KeptFilled KeptCause = "filled" // when: empty, and it has a value
	KeptOthers KeptCause = "others" // owner: shared, and its value is one that was never sent
	KeptAlias  KeptCause = "alias"  // its record was found by it, and may have it beside another value
	KeptEdited KeptCause = "edited" // owner: shared, and its value isn't the one that was last sent
)

// Keeps tells whether the change leaves a property as it is.
func (c *Change) Keeps(property string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool { return k.Property == property })
}

// kept tells whether the change leaves a property as it is, and its record doesn't have the change's value beside that.
func (c *Change) kept(property string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool { return k.Property == property && k.Why != KeptAlias })
}

// keep lets the sink leave out of changes what others own. It returns the changes that have something left to be written,
// and the outcomes of the others.
func (r *run) keep(ctx context.Context, changes []*pending) (left []*pending, outcomes []Outcome, err error) {
	keeper, ok := r.Sink.(Keeper)
	if !ok || len(changes) == 0 {
		return changes, nil, nil
	}
	list := make([]Change, len(changes))
	for i, p := range changes {
		list[i] = p.Change
	}
	if outcomes, err = keeper.Keep(ctx, list); err != nil {
		return nil, nil, fmt.Errorf("read what the destination has: %w", err)
	}
	places := make(map[string]int, len(outcomes))
	for i := range outcomes {
		places[outcomes[i].TraceID] = i
	}
	for i, p := range changes {
		p.Kept = list[i].Kept
		if at, ok := places[p.TraceID]; !ok {
			left = append(left, p)
		} else if o := &outcomes[at]; o.Same && r.landed(p) {
			o.NoOp = false
		}
	}
	return left, outcomes, nil
}

// landed tells of a change whose record holds it whether an earlier attempt of ours is the reason.
func (r *run) landed(p *pending) bool {
	return p.attempt > 0 && len(p.entry.Sent.Changes(r.sentBy(&p.Change))) > 0
}

// sentBy returns what a change sends.
func (r *run) sentBy(c *Change) Sent { return r.sentOf(c, false) }

// sharedBy returns what a change sends of the fields that are shared.
func (r *run) sharedBy(c *Change) Sent { return r.sentOf(c, true) }

func (r *run) sentOf(c *Change, shared bool) Sent {
	if len(c.Values) == 0 {
		return nil // it takes its record away
	}
	var sent Sent
	for _, i := range r.layout.byName {
		f, v := &r.schema.Fields[r.layout.properties[i]], c.Values[i]
		if v.IsNull() && !f.Clear || shared && !f.Shared || c.kept(f.Name) {
			continue
		}
		if sent == nil {
			sent = make(Sent, 0, len(c.Values))
		}
		sent = append(sent, SentValue{f.Name, v.String()})
	}
	return sent
}

// try remembers what an attempt is about to send of shared fields: if its end is never told, that isn't somebody's edit.
func (p *pending) try(sent Sent) {
	if len(sent) > 0 && !slices.ContainsFunc(p.tried, sent.Equal) {
		p.tried = append(p.tried, sent)
	}
}

// residue returns what attempts at a change may have left in its record, beside what the last of them has sent.
func (p *pending) residue() []Sent {
	if p.Sent.IsZero() {
		return nil
	}
	return p.tried
}
