package state

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline"
)

// Intend writes a group's intents down, in one round trip; see pipeline.Store.
func (s *store) Intend(ctx context.Context, g pipeline.Group) error {
	var written int64
	items := pack(g.Intents)
	err := s.db.update(ctx, func(tx session) error {
		err := tx.told(ctx, &written, statement{putGroup, []any{g.ID, g.Pipeline, g.Epoch, items}})
		if err != nil || g.Throttle == nil {
			return err
		}
		return tx.last(ctx, []statement{saveThrottle(g.Pipeline, g.Epoch, g.Throttle)})
	})
	if err == nil && written == 0 {
		err = s.db.view(ctx, func(v session) error { return fence(ctx, v, g.Pipeline, g.Epoch) })
	}
	if err != nil {
		return fmt.Errorf("write intents of %q: %w", g.Pipeline, err)
	}
	return nil
}

// putGroup writes nothing if the epoch has passed (see fence), or if the id is there already: an earlier attempt's commit was
// made after all.
const putGroup = `
insert into sluice.intent_group (id, pipeline, epoch, created_at, items)
select $1, name, epoch, {now}, $4 from sluice.pipeline where name = $2 and epoch = $3 {share}
on conflict (id) do nothing`

// Doubts returns the intents of the groups that are open; see pipeline.Auditor.
func (s *store) Doubts(ctx context.Context, name string) (open []pipeline.Doubt, err error) {
	err = s.db.view(ctx, func(v session) error {
		open, err = doubts(ctx, v, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read intents of %q: %w", name, err)
	}
	return open, nil
}

const deleteGroups = `
delete from sluice.intent_group where pipeline = $1 and id {any:$2}`

// doubts returns every intent of the groups that are open, oldest group first. Those whose version the ledger has
// decided are among them: an earlier attempt of theirs may still take effect, and the engine closes them when it can't.
func doubts(ctx context.Context, tx session, name string) (open []pipeline.Doubt, err error) {
	var keys []string
	asked := time.Now()
	err = tx.query(ctx, func(scan scan) error {
		var id string
		var age int64
		var items []byte
		if err := scan(&id, &age, &items); err != nil {
			return err
		}
		intents, err := unpack(items)
		if err != nil {
			return fmt.Errorf("group %s: %w", id, err)
		}
		for _, i := range intents {
			keys = append(keys, i.Key)
			open = append(open, pipeline.Doubt{Intent: i, Group: id, Age: max(0, time.Duration(age)*time.Microsecond)})
		}
		return nil
	}, `select id, {age:created_at}, items from sluice.intent_group where pipeline = $1 order by seq`, name)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	known, err := entries(ctx, tx, name, keys)
	if err != nil {
		return nil, err
	}
	for n := range open {
		open[n].Decided = known[n].Version >= open[n].Version
		open[n].Age += time.Since(asked)
	}
	return open, nil
}
