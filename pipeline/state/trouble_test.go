package state

import (
	"os"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
)

// A pass that began in the future, by a clock that has been set right since, doesn't put the next one off until then.
func TestAFullPassOfTheFutureDoesNotCount(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		for _, c := range []struct {
			ago  time.Duration
			full bool
		}{{-24 * time.Hour, true}, {30 * time.Minute, false}, {2 * time.Hour, true}} {
			r := begin(t, s, pipeline.Begin{})
			r.commit(pipeline.Commit{Position: pipeline.Position("here")})
			r.finish(pipeline.Finish{})
			err := s.db.update(t.Context(), func(tx session) error {
				_, err := tx.exec(t.Context(), `update sluice.progress set full_at = {in:$1}`, -c.ago.Milliseconds())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			r = begin(t, s, pipeline.Begin{FullEvery: time.Hour})
			if full := r.Position == nil; full != c.full {
				t.Errorf("the last pass began %v ago: read from the first row: %v, want %v", c.ago, full, c.full)
			}
			r.finish(pipeline.Finish{})
		}
	})
}

// Who is woken up by a full disk or a damaged file is told what to do.
func TestSQLiteTroublesSayWhatToDo(t *testing.T) {
	path := t.TempDir() + "/state.db"
	s := witnessed(t, "sqlite:"+path, t.TempDir())
	write(t, s, "a")
	err := s.db.update(t.Context(), func(tx session) error {
		if err := tx.script(t.Context(), "pragma max_page_count = 1"); err != nil {
			return err
		}
		return tx.script(t.Context(), "create table large as select zeroblob(1000000)")
	})
	if err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 3*4096); err != nil {
		t.Fatal(err)
	}
	broken, err := Open(t.Context(), "sqlite:"+path)
	if err == nil {
		_, err = broken.Status(t.Context())
		_ = broken.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "sluice reconcile") {
		t.Errorf("a damaged file: %v", err)
	}
}
