package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A growingSource is read by a cursor: the number of rows that were there.
type growingSource struct {
	sliceSource
	stale bool // positions no longer fit
}

func (s *growingSource) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *growingSource) Incremental() bool                                           { return true }
func (s *growingSource) Since(_ context.Context, value string) (pipeline.Position, error) {
	return pipeline.Position(value), nil
}

func (s *growingSource) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	if s.stale && from != nil {
		return func(yield func(pipeline.Batch, error) bool) { yield(pipeline.Batch{}, pipeline.ErrStalePosition) }
	}
	return s.sliceSource.Batches(ctx, from)
}

// A growing is a pipeline of links with a source that grows, in mirror mode or not.
type growing struct {
	*testing.T
	source *growingSource
	crm    *modelPairs
	store  *model.Store
	every  time.Duration
}

func newGrowing(t *testing.T, rows int, every time.Duration, mirror bool) *growing {
	g := &growing{T: t, source: &growingSource{sliceSource: sliceSource{rows: plainPairs(rows), batch: 10}}, crm: newModelPairs(1), store: model.New(), every: every}
	clear(g.crm.pairs)
	clear(g.crm.absent)
	g.crm.limits.Mirror = mirror
	return g
}

// run runs once, and checks how many rows were read and links taken back.
func (g *growing) run(what string, opts pipeline.Options, read, unlinked int64) {
	g.Helper()
	p, err := pipeline.Open(context.Background(), pipeline.Definition{Name: "p", Key: []string{"id"}, FullEvery: g.every, Source: g.source,
		Transforms: []pipeline.TransformConfig{paired{}}, Sink: g.crm}, pipeline.Env{})
	if err != nil {
		g.Fatal(err)
	}
	report, err := p.Run(context.Background(), g.store, opts)
	if err != nil || report.Read != read || report.Unlinked != unlinked {
		g.Errorf("%s: read %d rows and took %d links back, %v; want %d and %d", what, report.Read, report.Unlinked, err, read, unlinked)
	}
}

// TestFullEveryReadsAllWhenItIsTime proves that an incremental source is read whole once the last run that was so began
// long enough ago; that one which was cut off is made up for by the next; and that the runs between go on at the cursor.
func TestFullEveryReadsAllWhenItIsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGrowing(t, 30, 7*24*time.Hour, false)
		g.run("a first run that is cut off", pipeline.Options{Limit: 20}, 20, 0)
		g.run("the first run", pipeline.Options{}, 30, 0)
		g.run("a run with nothing new", pipeline.Options{}, 0, 0)
		time.Sleep(6 * 24 * time.Hour)
		g.source.rows = plainPairs(35)
		g.run("a run after six days", pipeline.Options{}, 5, 0)
		time.Sleep(24 * time.Hour)
		g.run("a run after seven days that is cut off", pipeline.Options{Limit: 10}, 10, 0)
		time.Sleep(time.Hour)
		g.run("the run after it", pipeline.Options{}, 35, 0)
		time.Sleep(7*24*time.Hour - time.Minute)
		g.run("a run a minute too early", pipeline.Options{}, 0, 0)
		time.Sleep(time.Minute)
		g.run("a run seven days after the last whole one began", pipeline.Options{}, 35, 0)
	})
}

// TestAMirrorWithACursorRemovesOnFullRunsOnly proves that without full_every a mirror reads everything every time; that with
// it links of rows that have left stay until all is read again, also where that is so because the checkpoint no longer fits.
func TestAMirrorWithACursorRemovesOnFullRunsOnly(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		stale bool
		read  [3]int64
		gone  [3]int64
	}{
		{0, false, [3]int64{20, 19, 19}, [3]int64{0, 1, 0}},
		{24 * time.Hour, false, [3]int64{20, 0, 19}, [3]int64{0, 0, 1}},
		{24 * time.Hour, true, [3]int64{20, 19, 19}, [3]int64{0, 1, 0}},
	} {
		bubble(t, func(t *testing.T) {
			g := newGrowing(t, 20, c.every, true)
			for i, what := range []string{"the first run", "the next", "a day later"} {
				g.run(fmt.Sprintf("every %v, %s", c.every, what), pipeline.Options{}, c.read[i], c.gone[i])
				if i == 0 {
					g.source.rows = slices.Delete(plainPairs(20), 3, 4)
					g.source.stale = c.stale
				} else {
					time.Sleep(24 * time.Hour)
				}
			}
		})
	}
}

// TestFromLeavesTheCheckpoint proves that a run from a point of the cursor, complete or cut off, forwards or back, has the
// next one go on where it would have gone on without it; and that a mirror takes nothing back for it.
func TestFromLeavesTheCheckpoint(t *testing.T) {
	for _, mirror := range []bool{false, true} {
		g := newGrowing(t, 20, 24*time.Hour, mirror)
		g.run("from a point, at first", pipeline.Options{From: pipeline.Position("15")}, 5, 0)
		if g.store.Position() != nil {
			t.Errorf("a run from a point left the checkpoint %q", g.store.Position())
		}
		g.run("the first run", pipeline.Options{}, 20, 0)
		g.source.rows = append(plainPairs(40)[10:30:30], plainPairs(40)...)
		g.run("from before the checkpoint", pipeline.Options{From: pipeline.Position("5")}, 55, 0)
		g.run("from behind it, cut off", pipeline.Options{From: pipeline.Position("30"), Limit: 20}, 20, 0)
		if got := string(g.store.Position()); got != "20" {
			t.Errorf("the checkpoint went from 20 to %s", got)
		}
		g.run("the next run", pipeline.Options{}, 40, 0)
	}
}

// TestFullEveryNeedsACursor proves that it is refused where every run reads everything.
func TestFullEveryNeedsACursor(t *testing.T) {
	_, err := pipeline.Open(context.Background(), pipeline.Definition{Name: "p", Key: []string{"id"}, FullEvery: time.Hour,
		Source: &sliceSource{batch: 1}, Transforms: []pipeline.TransformConfig{paired{}}, Sink: newModelPairs(1)}, pipeline.Env{})
	if want := "pipelines.p.full_every: the source has no cursor: every run reads all of it"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
