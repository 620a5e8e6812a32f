package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A goneStore is waited for by every commit, in vain.
type goneStore struct {
	*model.Store
	commits *int
}

func (s goneStore) Commit(ctx context.Context, _ pipeline.Commit) error {
	*s.commits++
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(14 * time.Second):
		return errors.New("the database is down")
	}
}

// TestManyGroupsWaitForAStoreOnce proves that a run whose store is gone ends about when the first commit is given up, with
// its error, however many groups are on their way; and that an aborted one ends before a container is killed for it.
func TestManyGroupsWaitForAStoreOnce(t *testing.T) {
	run := func(ctx context.Context) (took time.Duration, commits int, err error) {
		store := model.New()
		crm := newModelCRM(1, store)
		crm.limits.Rows, crm.limits.Writes = 10, 32
		began := time.Now()
		_, err = openSink(t, named(400, nil), crm).Run(ctx, goneStore{store, &commits}, pipeline.Options{})
		return time.Since(began), commits, err
	}
	bubble(t, func(t *testing.T) {
		took, commits, err := run(t.Context())
		if err == nil || err.Error() != "commit: the database is down" || commits < 10 || took > 25*time.Second {
			t.Errorf("Run returns %v after %s and %d commits", err, took, commits)
		}
	})
	bubble(t, func(t *testing.T) {
		ctx, abort := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Second, func() { abort(pipeline.ErrInterrupted) })
		if took, _, err := run(ctx); !errors.Is(err, pipeline.ErrInterrupted) || took > 12*time.Second {
			t.Errorf("aborted after 7 s, Run returns %v after %s", err, took)
		}
	})
}
