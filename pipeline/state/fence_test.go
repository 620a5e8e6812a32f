package state

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// TestAnEpochIsRaisedOnlyBetweenTransactions proves that a transaction which has checked its epoch keeps the next one from
// being granted until it ends: without that it would be committed after the run that has taken over (I7).
func TestAnEpochIsRaisedOnlyBetweenTransactions(t *testing.T) {
	// Not by the store, which would try it again and again.
	raise := func(dsn string) error {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.PgConn().Exec(t.Context(), `set lock_timeout = '100ms'; update sluice.pipeline set epoch = epoch + 1 where name = 'p'`).ReadAll()
		return err
	}
	for name, check := range map[string]func(tx session, epoch int64) error{
		"of a finish": func(tx session, epoch int64) error { return fence(t.Context(), tx, "p", epoch) },
		"of intents": func(tx session, epoch int64) error {
			n, err := tx.exec(t.Context(), putGroup, rand.Text(), "p", epoch, []byte{})
			if err == nil && n == 0 {
				return pipeline.ErrFenced
			}
			return err
		},
		"of a commit": func(tx session, epoch int64) error {
			var number int64
			var digested, lettered bool
			first, err := one(t.Context(), tx, []any{&number, &digested, &lettered}, beginCommit, "p", rand.Text(), true, []byte(nil), epoch, false)
			if err == nil && !first {
				return pipeline.ErrFenced
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			s := openStore(t, dsn, times)
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := begin(t, s, pipeline.Begin{})
			err := s.db.update(t.Context(), func(tx session) error {
				if err := check(tx, r.Epoch); err != nil {
					return err
				}
				refused, ok := errors.AsType[*pgconn.PgError](raise(dsn))
				if !ok || refused.Code != "55P03" { // lock_not_available
					t.Errorf("the epoch was raised under a transaction that relies on it: %v", refused)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := raise(dsn); err != nil {
				t.Errorf("the epoch can't be raised after the transaction: %v", err)
			}
			err = s.db.update(t.Context(), func(tx session) error { return check(tx, r.Epoch) })
			if !errors.Is(err, pipeline.ErrFenced) {
				t.Errorf("the epoch that has ended: %v", err)
			}
		})
	}
}
