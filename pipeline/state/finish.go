package state

import (
	"cmp"
	"context"
	"fmt"

	"sluice/pipeline"
)

// Finish ends the run and releases the lease; see pipeline.Store. The lock is freed also where the end can't be
// recorded; the next Start notes then that the run was killed.
func (s *store) Finish(ctx context.Context, f pipeline.Finish) error {
	if l := s.leaseOf(f.Pipeline, f.Epoch); l != nil {
		l.ending.Store(true)
	}
	err := s.db.update(ctx, func(tx session) error { return finish(ctx, tx, &f) })
	s.drop(f.Pipeline, f.Epoch)
	if err != nil {
		return fmt.Errorf("finish run of %q: %w", f.Pipeline, err)
	}
	s.testify(ctx, f.Pipeline)
	return nil
}

func finish(ctx context.Context, tx session, f *pipeline.Finish) error {
	n, err := tx.exec(ctx, `update sluice.lease set expires_at = null where pipeline = $1 and epoch = $2`, f.Pipeline, f.Epoch)
	if err != nil {
		return err
	}
	if n == 0 {
		return cmp.Or(fence(ctx, tx, f.Pipeline, f.Epoch), pipeline.ErrFenced)
	}
	if err := fence(ctx, tx, f.Pipeline, f.Epoch); err != nil {
		return err
	}
	var list []statement
	if f.Whole {
		list = append(closeUnseen(f), statement{`
update sluice.progress set full_at = (select r.started_at from sluice.run r where r.id = $2) where pipeline = $1`, []any{f.Pipeline, f.Run}})
	}
	if f.Complete && !f.Keep {
		list = append(list, statement{`update sluice.progress set position = null where pipeline = $1`, []any{f.Pipeline}})
	}
	if f.Parked {
		list = append(list, statement{`
update sluice.dead_letter set state = 'closed', closed_at = {now}
where pipeline = $1 and stage = $3 and code = $4 and state = 'open' and last_run <> $2`, []any{f.Pipeline, f.Run, pipeline.StageLink, pipeline.ParkedTooLong}})
	}
	list = append(list, statement{`
update sluice.run set status = $2, message = $3, report = $4, ended_at = {now} where id = $1`,
		[]any{f.Run, f.Status, cleanText(f.Message), encode(&f.Report)}})
	if f.Throttle != nil {
		list = append(list, saveThrottle(f.Pipeline, f.Epoch, f.Throttle))
	}
	return tx.last(ctx, list)
}

// closeUnseen closes the open dead letters of rows that weren't seen in a run that saw all, and forgets what they said, so
// that a row that comes back is looked at anew. Where the run has met that a link was refused, the ledger remembers that: no other
// refusal leaves letters of its key open. Held ones stay: whether their record exists is still to be found out.
func closeUnseen(f *pipeline.Finish) []statement {
	return []statement{
		{`update sluice.progress set commit_no = commit_no + 1, updated_at = {now} where pipeline = $1`, []any{f.Pipeline}},
		{`
update sluice.ledger set ` + forget + `
where pipeline = $1 and rejected is not null and not held
and key in (select key from sluice.dead_letter where pipeline = $1 and state = 'open' and last_run <> $2 and ` + remembered + `)
and key not in (select key from sluice.dead_letter where pipeline = $1 and state = 'open' and last_run = $2 and ` + remembered + `
and stage = '` + pipeline.StageLink + `')`, []any{f.Pipeline, f.Run}},
		{`
update sluice.dead_letter set state = 'closed', closed_at = {now}
where pipeline = $1 and state = 'open' and last_run <> $2`, []any{f.Pipeline, f.Run}},
	}
}

// forget makes a ledger's row one that is sent again. Where a link was refused, the content that the destination has is
// the one that was rejected.
const forget = `
hash = case when held or hash = rejected then null else hash end, rejected = null, held = false, updated_at = {now},
commit_no = (select p.commit_no from sluice.progress p where p.pipeline = ledger.pipeline)`
