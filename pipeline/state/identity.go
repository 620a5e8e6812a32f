package state

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sluice/pipeline"
)

// A place is where a state is, as its server tells. What is empty isn't known.
type place struct {
	System   string `json:"system,omitempty"`   // the cluster, from initdb on
	Timeline string `json:"timeline,omitempty"` // another one after each promotion and recovery to a point in time
	Database string `json:"database,omitempty"`
	Ledger   string `json:"ledger,omitempty"` // the table
}

// moved says in which way a state isn't where it was; "" if it is, as far as both places are known.
func (p place) moved(was place) string {
	var list []string
	for _, part := range []struct{ name, was, now string }{
		{"another Postgres cluster", was.System, p.System}, {"another timeline of the cluster", was.Timeline, p.Timeline},
		{"another database", was.Database, p.Database}, {"another ledger table", was.Ledger, p.Ledger},
	} {
		if part.was != "" && part.now != "" && part.was != part.now {
			list = append(list, fmt.Sprintf("%s (%s, it was %s)", part.name, part.now, part.was))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "it is in " + strings.Join(list, ", ") + ": it was restored, copied or failed over, and what was committed last may be missing"
}

// with returns the place with the parts that only was knows, so that a role with fewer rights forgets nothing.
func (p place) with(was place) place {
	for _, part := range []struct {
		now *string
		was string
	}{{&p.System, was.System}, {&p.Timeline, was.Timeline}, {&p.Database, was.Database}, {&p.Ledger, was.Ledger}} {
		if *part.now == "" {
			*part.now = part.was
		}
	}
	return p
}

// An opening is how a run begins.
type opening struct {
	pipeline.Begin
	place     place
	token     string // by which the lease is known as this opening's own
	reconcile bool   // a state that may be behind is fine
	why       string // what was noticed
}

// StartReconcile begins a run on a state that may be behind; see pipeline.Reconciler.
func (s *store) StartReconcile(ctx context.Context, b pipeline.Begin) (pipeline.Resume, string, error) {
	o := &opening{Begin: b, reconcile: true}
	resume, err := s.start(ctx, o)
	return resume, o.why, err
}

// watch refuses a run on a state that may be behind. The lease's row is locked, so that nobody else commits meanwhile.
func (s *store) watch(ctx context.Context, tx session, o *opening) error {
	was, err := s.notice(ctx, tx, o)
	if err != nil {
		return err
	}
	if o.why == "" {
		_, err := tx.exec(ctx, `update sluice.progress set server = $2 where pipeline = $1`, o.Pipeline, encode(o.place.with(was)))
		return err
	}
	if !o.reconcile {
		return &pipeline.BehindError{Pipeline: o.Pipeline, Why: o.why}
	}
	_, err = tx.exec(ctx, `update sluice.progress set behind = $2, digest_no = null where pipeline = $1`, o.Pipeline, o.why)
	return err
}

// notice finds out why a state may be behind, and returns where it was when it was last written to.
func (s *store) notice(ctx context.Context, v session, o *opening) (was place, err error) {
	var number int64
	var text string
	o.why = ""
	_, err = one(ctx, v, []any{&number, &text, &o.why}, `select commit_no, server, behind from sluice.progress where pipeline = $1`, o.Pipeline)
	if err != nil {
		return was, err
	}
	if err := json.Unmarshal([]byte(text), &was); text != "" && err != nil {
		return was, fmt.Errorf("the state's note of its place is damaged: %w", err)
	}
	if o.why == "" {
		o.why = o.place.moved(was)
	}
	if o.why == "" {
		o.why, err = s.testimony(ctx, v, o.Pipeline, number)
	}
	return was, err
}

// testimony says what the witness knows that the state doesn't; "" if that is nothing.
func (s *store) testimony(ctx context.Context, tx session, name string, number int64) (string, error) {
	if s.witness == nil {
		return "", nil
	}
	var id string
	if _, err := one(ctx, tx, []any{&id}, `select id from sluice.identity`); err != nil {
		return "", err
	}
	s.witness.name(id)
	if saw := s.witness.saw(name); saw > number {
		return fmt.Sprintf("it holds %d commits, but %d were made (%s): it was put back from a backup or copied", number, saw, s.witness.file(name)), nil
	}
	return "", nil
}

// Reconciled lets runs start again; see pipeline.Reconciler. The number of commits goes past the witness's, so that what
// was put back isn't taken for it.
func (s *store) Reconciled(ctx context.Context, name string, epoch int64) error {
	here := s.db.place(ctx)
	var saw int64
	if s.witness != nil {
		saw = s.witness.saw(name)
	}
	err := s.db.update(ctx, func(tx session) error {
		if err := fence(ctx, tx, name, epoch); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `
update sluice.progress set behind = '', server = $2, updated_at = {now}, commit_no = case when commit_no > $3 then commit_no else $3 end + 1
where pipeline = $1`, name, encode(here), saw)
		return err
	})
	if err != nil {
		return fmt.Errorf("end reconciling of %q: %w", name, err)
	}
	s.testify(ctx, name)
	return nil
}

// testify tells the witness how many commits there are by now. That it can't is no reason to fail.
func (s *store) testify(ctx context.Context, name string) {
	if s.witness == nil {
		return
	}
	var number int64
	err := s.db.view(ctx, func(v session) error {
		_, err := one(ctx, v, []any{&number}, `select commit_no from sluice.progress where pipeline = $1`, name)
		return err
	})
	if err != nil {
		s.witness.log.Debug("the witness isn't told of commits", "pipeline", name, "reason", err)
		return
	}
	s.witness.tell(name, number)
}

// Bound returns the account that the state belongs to; see pipeline.Auditor.
func (s *store) Bound(ctx context.Context) (account string, err error) {
	err = s.db.view(ctx, func(v session) error {
		_, err := one(ctx, v, []any{&account}, `select account from sluice.binding`)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the state's account: %w", err)
	}
	return account, nil
}

// Recent returns what was saved of the requests to the account that the state belongs to; see pipeline.Auditor.
func (s *store) Recent(ctx context.Context) (throttle []byte, age time.Duration, err error) {
	if err := s.Current(ctx); err != nil {
		return nil, 0, err
	}
	account, err := s.Bound(ctx)
	if err != nil || account == "" {
		return nil, 0, err
	}
	err = s.db.view(ctx, func(v session) error {
		throttle, age, err = recent(ctx, v, account)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the recent requests to %s: %w", account, err)
	}
	return throttle, age, nil
}
