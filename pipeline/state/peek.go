package state

import (
	"context"

	"sluice/pipeline"
)

// Peek returns what Start would, and takes no lease; see pipeline.Auditor.
func (s *store) Peek(ctx context.Context, b pipeline.Begin) (r pipeline.Resume, err error) {
	if err := s.Current(ctx); err != nil {
		return r, err
	}
	o := &opening{Begin: b, place: s.db.place(ctx)}
	err = s.db.view(ctx, func(v session) error {
		r = pipeline.Resume{}
		if err := sameTarget(ctx, v, b); err != nil {
			return err
		}
		if err := sameAccount(ctx, v, b); err != nil {
			return err
		}
		if _, err := s.notice(ctx, v, o); err != nil {
			return err
		}
		if o.why != "" {
			return &pipeline.BehindError{Pipeline: b.Pipeline, Why: o.why}
		}
		if err := resume(ctx, v, b, &r); err != nil {
			return err
		}
		dropped := b.Full
		if _, err := one(ctx, v, []any{&dropped}, `
select `+stale+` from sluice.progress where pipeline = $1`, staleArgs(b)...); err != nil {
			return err
		}
		if dropped {
			r.Position = nil
		}
		return nil
	})
	return r, wrapUnlessHeld(err)
}
