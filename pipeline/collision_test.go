package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A foldingCRM is a destination that takes keys for the same that differ in case, and whose writes take a second.
type foldingCRM struct{ *modelCRM }

func (c foldingCRM) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return c, nil
}

func (c foldingCRM) Prepare(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	outcomes, err := c.modelCRM.Prepare(ctx, changes)
	for i := range changes {
		changes[i].Match = strings.ToLower(changes[i].Key)
	}
	return outcomes, err
}

func (c foldingCRM) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	time.Sleep(time.Second)
	return c.modelCRM.Write(ctx, changes)
}

// A slowStore answers only a minute after it has looked whose records are.
type slowStore struct{ *model.Store }

func (s slowStore) Records(ctx context.Context, account, object, property string, values []string) (map[string]string, error) {
	found, err := s.Store.Records(ctx, account, object, property, values)
	time.Sleep(time.Minute)
	return found, err
}

// TestARowIsRejectedWhoseRecordIsCommittedWhileItsOwnerIsLookedUp proves I1 and I2 for two rows that are the same to the
// destination, where the first is on its way when the ledger is asked about the second, and committed when it answers.
func TestARowIsRejectedWhoseRecordIsCommittedWhileItsOwnerIsLookedUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := named(20, nil)
		rows[15] = [3]string{strings.ToUpper(rows[0][0]), "two", ""}
		store := slowStore{model.New()}
		crm := foldingCRM{newModelCRM(1, store.Store)}
		report, err := openSink(t, rows, crm).Run(t.Context(), store, pipeline.Options{})
		if err != nil || report.Written != 19 || report.Rejected != 1 {
			t.Errorf("%+v, %v; want 19 rows written and 1 rejected", report, err)
		}
		for _, l := range store.Letters(false) {
			if l.Key != rows[15][0] || l.Code != "key_collision" {
				t.Errorf("dead letter %+v; want one of %q, key_collision", l, rows[15][0])
			}
		}
		if got := crm.content(nil)[rows[0][0]]; got != "one < " {
			t.Errorf("the record holds %q, want what its own row says", got)
		}
	})
}

// TestARowTakesUpTheRecordOfOneThatHasLeft proves that a row which stands for the record of another row is refused as long as
// that one is in the source, also if it is refused itself, and is written by the next run once it isn't.
func TestARowTakesUpTheRecordOfOneThatHasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := model.New()
		crm := foldingCRM{newModelCRM(1, store)}
		run := func(what string, rows [][3]string, opts pipeline.Options, written, rejected int64) {
			t.Helper()
			report, err := openSink(t, rows, crm).Run(t.Context(), store, opts)
			if err != nil || report.Written != written || report.Rejected != rejected {
				t.Errorf("%s: %+v, %v; want %d rows written and %d rejected", what, report, err, written, rejected)
			}
			time.Sleep(time.Hour)
		}
		rows := named(20, nil)
		key := rows[5][0]
		run("at first", rows, pipeline.Options{}, 20, 0)
		both := append(rows[:20:20], [3]string{strings.ToUpper(key), "two", ""})
		run("beside it", both, pipeline.Options{}, 0, 1)
		run("beside it again", both, pipeline.Options{}, 0, 1)
		refused := append(append([][3]string{}, both[:5]...), both[6:]...)
		refused = append(refused, [3]string{key, "bad", ""})
		run("beside one that is refused", refused, pipeline.Options{}, 0, 2)
		run("beside one that is refused again", refused, pipeline.Options{}, 0, 2)
		renamed := append(append([][3]string{}, rows[:5]...), both[6:]...)
		run("a part of it", renamed, pipeline.Options{Limit: 19}, 0, 0)
		run("instead of it", renamed, pipeline.Options{Full: true}, 0, 1)
		if got := crm.content(nil)[key]; got != "one < " {
			t.Errorf("the record holds %q before it is taken up", got)
		}
		run("once more", renamed, pipeline.Options{}, 1, 0)
		if got := crm.content(nil)[key]; got != "two < " {
			t.Errorf("the record holds %q, want what the row says that has taken it up", got)
		}
		run("at last", renamed, pipeline.Options{}, 0, 0)
		run("it is back", both, pipeline.Options{}, 0, 1)
	})
}

// TestARowThatACursorHasPassedTakesUpARecord proves that a row which was refused since its record was that of a row that has left
// is written by the next run, as its dead letter says, also if that one would read only what is new.
func TestARowThatACursorHasPassedTakesUpARecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := model.New()
		crm := foldingCRM{newModelCRM(1, store)}
		run := func(what string, rows [][3]string, opts pipeline.Options, read, written, rejected int64) {
			t.Helper()
			p, err := pipeline.Open(t.Context(), pipeline.Definition{Name: "p", Key: []string{"id"},
				Source: &growingSource{sliceSource: sliceSource{rows: rows, batch: 10}}, Transforms: []pipeline.TransformConfig{mapped{}}, Sink: crm}, pipeline.Env{})
			if err != nil {
				t.Fatal(err)
			}
			report, err := p.Run(t.Context(), store, opts)
			if err != nil || report.Read != read || report.Written != written || report.Rejected != rejected {
				t.Errorf("%s: %+v, %v; want %d rows read, %d written and %d rejected", what, report, err, read, written, rejected)
			}
			time.Sleep(time.Hour)
		}
		rows := named(20, nil)
		run("at first", rows, pipeline.Options{}, 20, 20, 0)
		renamed := append(append([][3]string{}, rows[:5]...), rows[6:]...)
		renamed = append(renamed, [3]string{strings.ToUpper(rows[5][0]), "two", ""})
		run("what is new", renamed, pipeline.Options{}, 0, 0, 0)
		run("all", renamed, pipeline.Options{Full: true}, 20, 0, 1)
		run("the next", renamed, pipeline.Options{}, 20, 1, 0)
		run("what is new since", renamed, pipeline.Options{}, 0, 0, 0)
	})
}
