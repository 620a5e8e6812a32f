package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A poisonedSink is a destination that gives no usable answer to a request with one of some rows.
type poisonedSink struct {
	*modelCRM
	poison func(pipeline.Change) bool
	lands  bool // and carries it out nevertheless
	lost   int  // requests

	one sync.Mutex // request at a time
}

func (s *poisonedSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}

var said = pipeline.Answer{Request: "c0ffee", Text: "500 INTERNAL_ERROR"}

func (s *poisonedSink) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	s.one.Lock()
	defer s.one.Unlock()
	if !slices.ContainsFunc(changes, s.poison) {
		return s.modelCRM.Write(ctx, changes)
	}
	s.lost++
	if s.lands {
		if _, err := s.modelCRM.Write(ctx, changes); err != nil {
			return nil, err
		}
	}
	outcomes := make([]pipeline.Outcome, len(changes))
	for i, c := range changes {
		outcomes[i] = pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.InDoubt, Answer: said}
	}
	return outcomes, nil
}

// poisoned returns a destination that gives no answer where a row with one of the names is.
func poisoned(store *model.Store, names ...string) *poisonedSink {
	crm := newModelCRM(1, store)
	crm.limits.Rows = 100
	return &poisonedSink{modelCRM: crm, poison: func(c pipeline.Change) bool { return slices.Contains(names, c.Values[0].String()) }}
}

// manyRows returns n rows with names of their own.
func manyRows(n int) [][3]string {
	rows := make([][3]string, n)
	for i := range rows {
		rows[i] = [3]string{fmt.Sprintf("k%04d", i), fmt.Sprintf("name %d", i), ""}
	}
	return rows
}

// TestARowWithoutAnswersBlocksNoOther proves that the rows are written which are sent with one that the destination gives no
// usable answer for, that this one alone is rejected, by name, and how many requests that takes.
func TestARowWithoutAnswersBlocksNoOther(t *testing.T) {
	for _, bad := range [][]string{{"name 3"}, {"name 299"}, {"name 40", "name 41", "name 99", "name 250"}} {
		for _, lands := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				store, rows := model.New(), manyRows(300)
				sink := poisoned(store, bad...)
				sink.lands = lands
				report, err := openSink(t, rows, sink).Run(context.Background(), store, pipeline.Options{})
				if want := int64(len(bad)); err != nil || report.Written != 300-want || report.Rejected != want || report.Balance() != nil {
					t.Fatalf("%+v, %v", report, err)
				}
				for _, l := range store.Letters(false) {
					name := "name " + strings.TrimLeft(l.Key[1:], "0")
					if l.Code != "no_answer" || !slices.Contains(bad, name) || l.Answer != said {
						t.Errorf("%+v", l)
					}
				}
				if n := len(store.Letters(false)); n != len(bad) {
					t.Errorf("%d rejects", n)
				}
				if most := 6*len(bad) + (2*len(bad)+1)*7 + 2*len(bad); sink.lost > most {
					t.Errorf("%d requests got no answer, want at most %d", sink.lost, most)
				}
				unbroken(t, 0, sink.modelCRM)
				lost, writes := sink.lost, sink.writes
				report, err = openSink(t, rows, sink).Run(context.Background(), store, pipeline.Options{})
				if err != nil || report.Written != 0 || report.Rejected != int64(len(bad)) || sink.lost != lost || sink.writes != writes || len(store.Open()) > 0 {
					t.Errorf("a second run: %+v, %v, open %v", report, err, store.Open())
				}
			})
		}
	}
}

// TestARowWithoutAnswersMayHaveBeenWritten proves that what a row held before is written again if it comes back to that: the
// destination may hold what it gave no answer to.
func TestARowWithoutAnswersMayHaveBeenWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, rows := model.New(), manyRows(30)
		sink := poisoned(store, "poison")
		sink.lands = true
		run := func(name string) pipeline.Report {
			t.Helper()
			rows[3][1] = name
			report, err := openSink(t, rows, sink).Run(context.Background(), store, pipeline.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return report
		}
		run("name 3")
		for i := range rows {
			rows[i][1] = fmt.Sprintf("new %d", i)
		}
		if report := run("poison"); report.Written != 29 || report.Rejected != 1 {
			t.Fatalf("%+v", report)
		}
		if report := run("name 3"); report.Written != 1 || report.Rejected != 0 || len(store.Letters(false)) != 0 {
			t.Errorf("%+v", report)
		}
		if got := sink.content(nil)["k0003"]; got != "name 3 < " {
			t.Errorf("the record is %q", got)
		}
	})
}

// TestADestinationWithoutAnswersRejectsNothing proves that a run ends with an error where it isn't the rows, and that it
// doesn't go on for long, be the destination down from the beginning or from a moment on.
func TestADestinationWithoutAnswersRejectsNothing(t *testing.T) {
	for _, works := range []int{0, 2} {
		for _, n := range []int{1 + 29*works, 60, 1000} {
			bubble(t, func(t *testing.T) {
				store := model.New()
				sink := poisoned(store)
				sink.poison = func(pipeline.Change) bool { return sink.writes >= works }
				began := time.Now()
				_, err := openSink(t, manyRows(n+100*works), sink).Run(context.Background(), store, pipeline.Options{})
				if err == nil || !strings.Contains(err.Error(), "attempts; it stays in doubt and is settled by the next run") {
					t.Errorf("%d rows, %d requests done: %v", n, works, err)
				}
				groups := (n + 99) / 100
				underway := sink.limits.Writes // when the run sees that it isn't the rows, which of them is up to the scheduler
				if most := 6*groups + 14 + 2*groups + underway; sink.lost > most || len(store.Letters(false)) > 0 {
					t.Errorf("%d rows, %d requests done: %d requests in %v, want at most %d; rejected: %v", n, works, sink.lost, time.Since(began), most, store.Letters(false))
				}
			})
		}
	}
}

// A mutedSink is a poisoned one, and slow, that doesn't tell either what became of those rows.
type mutedSink struct{ *poisonedSink }

func (s *mutedSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}

func (s *mutedSink) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	time.Sleep(30 * time.Second)
	return s.poisonedSink.Write(ctx, changes)
}

func (s *mutedSink) Settle(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	outcomes, err := s.poisonedSink.Settle(ctx, changes)
	return slices.DeleteFunc(outcomes, func(o pipeline.Outcome) bool {
		return slices.ContainsFunc(changes, func(c pipeline.Change) bool { return c.TraceID == o.TraceID && s.poison(c) })
	}), err
}

// TestADoubtThatIsNeverToldOfBlocksNoOther proves that a run ends with an error where the destination never tells what became
// of a row, but not before all others are written; and at once where that is the case with many.
func TestADoubtThatIsNeverToldOfBlocksNoOther(t *testing.T) {
	for _, limit := range []int64{0, 1500} {
		bubble(t, func(t *testing.T) {
			store := model.New()
			sink := &mutedSink{poisoned(store, "name 3")}
			sink.limits.Writes = 1
			report, err := openSink(t, manyRows(2000), sink).Run(context.Background(), store, pipeline.Options{Limit: limit})
			want := int64(2000)
			if limit > 0 {
				want = limit
			}
			if err == nil || !strings.Contains(err.Error(), `what became of 1 rows, such as of the upsert of key "k0003", can't be read back`) || report.Written != want-1 || report.Held != 1 {
				t.Errorf("%+v, %v", report, err)
			}
			if open := store.Open(); len(open) != 1 {
				t.Errorf("open: %v", open)
			}
			sink.poison = func(pipeline.Change) bool { return false }
			report, err = openSink(t, manyRows(2000), sink).Run(context.Background(), store, pipeline.Options{})
			if open := store.Open(); err != nil || len(open) > 0 || report.Written+report.Unchanged != 2000 {
				t.Errorf("afterwards: %+v, %v, open: %v", report, err, open)
			}
			unbroken(t, 0, sink.modelCRM)
		})
	}
	bubble(t, func(t *testing.T) {
		store := model.New()
		sink := &mutedSink{poisoned(store)}
		sink.poison = func(pipeline.Change) bool { return true }
		if report, err := openSink(t, manyRows(20_000), sink).Run(context.Background(), store, pipeline.Options{}); err == nil || report.Read == 20_000 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}
