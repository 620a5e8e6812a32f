package state

import (
	"context"
	"fmt"

	"sluice/pipeline"
)

// A DeadLetter says why a row isn't in the destination as its source has it.
type DeadLetter = pipeline.DeadLetter

// A Filter chooses dead letters; its zero fields choose all that aren't closed.
type Filter struct {
	Pipeline string
	Code     string
	Key      string
	IDs      []int64
	Closed   bool // closed ones too
	Limit    int  // 0 means no limit
}

// idRow is a row of the rows macro of one id.
type idRow struct {
	ID int64 `json:"id"`
}

func idRows(ids []int64) string {
	rows := make([]idRow, len(ids))
	for i, id := range ids {
		rows[i].ID = id
	}
	return encode(rows)
}

// Rejects returns dead letters, newest first.
func (s *store) Rejects(ctx context.Context, f Filter) ([]DeadLetter, error) {
	var list []DeadLetter
	err := s.db.view(ctx, func(v session) (err error) {
		list, err = letters(ctx, v, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return list, nil
}

func letters(ctx context.Context, v session, f Filter) (list []DeadLetter, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 1<<31 - 1
	}
	return list, v.query(ctx, func(scan scan) error {
		l, err := scanLetter(scan)
		list = append(list, l)
		return err
	}, `
select id, pipeline, key, place, stage, code, message, state, run, last_run, coalesce(follows, 0), request, answer,
{micros:first_at}, {micros:last_at}, {micros:retried_at}, {micros:closed_at}
`+filtered+`
order by id desc limit $7`, append(f.args(), limit)...)
}

// filtered are the dead letters that a filter chooses, but for its limit.
const filtered = `from sluice.dead_letter
where ($1 = '' or pipeline = $1) and ($2 = '' or code = $2) and ($3 = '' or key = $3) and ($4 or state <> 'closed')
and ($5 or id in (select r.id from rows($6 r: id bigint)))`

func (f *Filter) args() []any {
	return []any{f.Pipeline, f.Code, f.Key, f.Closed, len(f.IDs) == 0, idRows(f.IDs)}
}

// A RejectCount is how many dead letters of a pipeline have the same code.
type RejectCount struct {
	Pipeline, Code string
	Count          int64
}

// CountRejects counts dead letters; see Store.
func (s *store) CountRejects(ctx context.Context, f Filter) ([]RejectCount, error) {
	var list []RejectCount
	err := s.db.view(ctx, func(v session) error {
		list = nil
		return v.query(ctx, func(scan scan) error {
			var c RejectCount
			err := scan(&c.Pipeline, &c.Code, &c.Count)
			list = append(list, c)
			return err
		}, `select pipeline, code, count(*) `+filtered+` group by pipeline, code order by count(*) desc, pipeline, code`, f.args()...)
	})
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	return list, nil
}

func scanLetter(scan scan) (l DeadLetter, err error) {
	var first, last, retried, closed *int64
	err = scan(&l.ID, &l.Pipeline, &l.Key, &l.Place, &l.Stage, &l.Code, &l.Message, &l.State, &l.Run, &l.LastRun, &l.Follows, &l.Request, &l.Text,
		&first, &last, &retried, &closed)
	l.First, l.Last, l.Retried, l.Closed = fromMicros(first), fromMicros(last), fromMicros(retried), fromMicros(closed)
	return l, err
}

// asked are the dead letters of a pipeline, a code and a key, of which each may be any, and chosen those of them that Retry is
// to retry: without ids the ones that aren't held.
const (
	asked  = `($1 = '' or d.pipeline = $1) and ($2 = '' or d.code = $2) and ($3 = '' or d.key = $3)`
	chosen = asked + ` and ($4 and d.state <> 'held' or d.id in (select r.id from rows($5 r: id bigint))) and d.state <> 'closed'`
)

// Retry makes the rows of dead letters be read and sent again; see Store.
func (s *store) Retry(ctx context.Context, f Filter) (retried, held int, err error) {
	var n int64
	args := []any{f.Pipeline, f.Code, f.Key, len(f.IDs) == 0, idRows(f.IDs)}
	err = s.db.update(ctx, func(tx session) error {
		// The row lock of progress comes first: it keeps commits away until the transaction ends.
		_, err := tx.exec(ctx, `
update sluice.progress set reread = true, commit_no = commit_no + 1, updated_at = {now}
where pipeline in (select d.pipeline from sluice.dead_letter d where `+chosen+`)`, args...)
		if err != nil {
			return err
		}
		// A create that is held is let go by its own dead letter only.
		_, err = tx.exec(ctx, `
update sluice.ledger set `+forget+`
where (pipeline, key) in (select d.pipeline, d.key from sluice.dead_letter d where d.key <> '' and (d.state = 'held' or not ledger.held) and `+chosen+`)`, args...)
		if err != nil {
			return err
		}
		n, err = tx.exec(ctx, `update sluice.dead_letter as d set state = 'open', retried_at = {now} where `+chosen, args...)
		if err != nil || len(f.IDs) > 0 {
			return err
		}
		_, err = one(ctx, tx, []any{&held}, `select count(*) from sluice.dead_letter d where `+asked+` and d.state = 'held'`, args[:3]...)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("retry dead letters: %w", err)
	}
	return int(n), held, nil
}
