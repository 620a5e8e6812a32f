package state

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline"
)

// Intend writes a group's intents down; see pipeline.Store.
func (s *store) Intend(ctx context.Context, g pipeline.Group) error {
	items := pack(g.Intents)
	err := s.db.update(ctx, func(tx session) error {
		if err := fence(ctx, tx, g.Pipeline, g.Epoch); err != nil {
			return err
		}
		// The id is there already if an earlier attempt's commit was made after all.
		list := []statement{{`
insert into sluice.intent_group (id, pipeline, epoch, created_at, items) values ($1, $2, $3, {now}, $4)
on conflict (id) do nothing`, []any{g.ID, g.Pipeline, g.Epoch, items}}}
		if g.Throttle != nil {
			list = append(list, saveThrottle(g.Pipeline, g.Throttle))
		}
		return tx.batch(ctx, list)
	})
	if err != nil {
		return fmt.Errorf("write intents of %q: %w", g.Pipeline, err)
	}
	return nil
}

const deleteGroups = `
delete from sluice.intent_group where pipeline = $1 and id in (select r.key from texts($2 r))`

// doubts returns the intents whose version wasn't decided, the latest of each key, and the groups that hold none.
func doubts(ctx context.Context, tx session, name string) (open []pipeline.Doubt, decided []string, err error) {
	latest := map[string]pipeline.Doubt{}
	var order, groups []string
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
		groups = append(groups, id)
		for _, i := range intents {
			if _, known := latest[i.Key]; !known {
				order = append(order, i.Key)
			}
			latest[i.Key] = pipeline.Doubt{Intent: i, Group: id, Age: max(0, time.Duration(age)*time.Microsecond)}
		}
		return nil
	}, `select id, {age:created_at}, items from sluice.intent_group where pipeline = $1 order by seq`, name)
	if err != nil || len(groups) == 0 {
		return nil, nil, err
	}
	known, err := entries(ctx, tx, name, order)
	if err != nil {
		return nil, nil, err
	}
	needed := map[string]bool{}
	for n, key := range order {
		if d := latest[key]; d.Version > known[n].Version {
			open = append(open, d)
			needed[d.Group] = true
		}
	}
	for _, id := range groups {
		if !needed[id] {
			decided = append(decided, id)
		}
	}
	return open, decided, nil
}
