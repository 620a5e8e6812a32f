package state

import (
	"context"
	"fmt"
	"slices"

	"sluice/pipeline"
)

// Remember returns what the tables hold of a key; see pipeline.Rememberer.
func (s *store) Remember(ctx context.Context, name, key string) (pipeline.Memory, error) {
	var m pipeline.Memory
	err := s.db.view(ctx, func(v session) (err error) {
		m, err = remember(ctx, v, name, key)
		return err
	})
	if err != nil {
		return m, fmt.Errorf("read what is known of key %q of %q: %w", key, name, err)
	}
	return m, nil
}

func remember(ctx context.Context, v session, name, key string) (m pipeline.Memory, err error) {
	known, err := entries(ctx, v, name, []string{key})
	if err != nil {
		return m, err
	}
	m.Entry = known[0]
	var decided, since *int64
	if _, err := one(ctx, v, []any{&m.Request, &m.Text, &decided}, `
select coalesce(request, ''), coalesce(answer, ''), {micros:decided_at} from sluice.ledger where pipeline = $1 and key = $2`, name, key); err != nil {
		return m, err
	}
	waiting, err := waitingOf(ctx, v, name, []string{key})
	if err != nil {
		return m, err
	}
	if _, err := one(ctx, v, []any{&since}, `
select {micros:since} from sluice.waiting where pipeline = $1 and key = $2 order by since limit 1`, name, key); err != nil {
		return m, err
	}
	m.Wanted, m.Decided, m.Since = waiting[key], fromMicros(decided), fromMicros(since)
	if m.Rejects, err = letters(ctx, v, Filter{Pipeline: name, Key: key}); err != nil {
		return m, err
	}
	m.Attempts, err = doubts(ctx, v, name)
	m.Attempts = slices.DeleteFunc(m.Attempts, func(d pipeline.Doubt) bool { return d.Key != key })
	return m, err
}
