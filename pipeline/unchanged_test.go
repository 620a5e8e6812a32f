package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// An askedStore counts how often the ledger is asked, about how many keys, and how often its digest is read.
type askedStore struct {
	*model.Store
	asked, keys, digests int
}

func (s *askedStore) Known(ctx context.Context, name string, keys []string) ([]pipeline.Entry, error) {
	s.asked++
	s.keys += len(keys)
	return s.Store.Known(ctx, name, keys)
}

func (s *askedStore) Digest(ctx context.Context, name string, epoch int64, each func([]byte) error) (int64, error) {
	s.digests++
	return s.Store.Digest(ctx, name, epoch, each)
}

// named returns rows of n keys with a name of each, "one" but for those given by number.
func named(n int, names map[int]string) [][3]string {
	rows := make([][3]string, n)
	for i := range rows {
		rows[i] = [3]string{fmt.Sprintf("k%04d", i), "one", ""}
		if name, ok := names[i]; ok {
			rows[i][1] = name
		}
	}
	return rows
}

// TestUnchangedRowsAreToldWithoutTheLedger proves that only rows are looked up in the ledger that aren't as the digest has
// them, and that a run which goes on from a checkpoint reads the digest only once it has read enough rows to be worth it.
func TestUnchangedRowsAreToldWithoutTheLedger(t *testing.T) {
	store := &askedStore{Store: model.New()}
	crm := newModelCRM(1, store.Store)
	run := func(rows [][3]string, opts pipeline.Options) pipeline.Report {
		t.Helper()
		store.keys, store.digests = 0, 0
		report, err := openModel(t, rows, crm).Run(t.Context(), store, opts)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	const n = 1000
	run(named(n, nil), pipeline.Options{})
	if r := run(named(n, nil), pipeline.Options{}); r.Unchanged != n || store.keys != 0 {
		t.Errorf("nothing has changed, but the ledger was asked about %d keys: %+v", store.keys, r)
	}
	if r := run(named(n+1, map[int]string{7: "two"}), pipeline.Options{}); r.Unchanged != n-1 || r.Written != 2 || store.keys != 2 {
		t.Errorf("one row has changed and one is new, but the ledger was asked about %d keys: %+v", store.keys, r)
	}
	for _, c := range []struct{ from, keys, digests int }{{0, 0, 1}, {500, 20, 1}, {990, 10, 0}} {
		from := pipeline.Position(fmt.Sprint(c.from))
		if c.from == 0 {
			from = nil
		}
		r := run(named(n, map[int]string{7: "two"}), pipeline.Options{From: from})
		if r.Unchanged != int64(n-c.from) || store.keys > c.keys || store.digests != c.digests {
			t.Errorf("from %d: asked about %d keys, and read the digest %d times; want at most %d, and %d: %+v", c.from, store.keys, store.digests, c.keys, c.digests, r)
		}
	}
}

// TestARowThatGoesBackIsWritten proves that of several rows of one key the last counts, also where it is as the ledger
// had it when the run began.
func TestARowThatGoesBackIsWritten(t *testing.T) {
	between := named(40, nil)[10:]
	others := named(40, nil)[10:] // that are looked up, and row's with them
	for i := range others {
		others[i][1] = "two"
	}
	row := func(name string) [3]string { return [3]string{"k0001", name, ""} }
	for _, c := range []struct {
		what                           string
		rows                           [][3]string
		name                           string
		written, unchanged, superseded int64
	}{
		{"back in one batch", [][3]string{row("two"), row("one")}, "one", 0, 1, 1},
		{"changed in one batch", [][3]string{row("one"), row("two")}, "two", 1, 0, 1},
		{"the same in one batch", [][3]string{row("one"), row("one")}, "one", 0, 1, 1},
		{"back before it is looked up", slices.Concat([][3]string{row("two")}, between, [][3]string{row("one")}), "one", 0, 31, 1},
		{"there and back before it is looked up", slices.Concat([][3]string{row("one"), row("two")}, between, [][3]string{row("one")}), "one", 0, 31, 2},
		{"back in another batch", slices.Concat([][3]string{row("two")}, others, [][3]string{row("one")}), "one", 32, 0, 0},
		{"changed in another batch", slices.Concat([][3]string{row("one")}, between, [][3]string{row("two")}), "two", 1, 31, 0},
		{"there and back", slices.Concat([][3]string{row("one"), row("two")}, others, [][3]string{row("one")}), "one", 32, 0, 1},
	} {
		bubble(t, func(t *testing.T) {
			store := model.New()
			crm := newModelCRM(1, store)
			if _, err := openModel(t, named(40, nil), crm).Run(t.Context(), store, pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			r, err := openModel(t, c.rows, crm).Run(t.Context(), store, pipeline.Options{})
			if err != nil || r.Written != c.written || r.Unchanged != c.unchanged || r.Superseded != c.superseded {
				t.Errorf("%s: %v, %+v", c.what, err, r)
			}
			if got := crm.content(nil)["k0001"]; got != c.name+" < " {
				t.Errorf("%s: the destination has %q", c.what, got)
			}
		})
	}
}

// TestScatteredChangesFillTheirGroups proves that few changes among many rows are sent in full groups, however many batches
// of the source lie between them: they cost no more requests than as many changes side by side, and are looked up together.
func TestScatteredChangesFillTheirGroups(t *testing.T) {
	const n, rows, every = 4000, 7, 90 // rows a write, as of the model; batches are of 10 rows, far more of them than one commit takes
	bubble(t, func(t *testing.T) {
		store := &askedStore{Store: model.New()}
		crm := newModelCRM(1, store.Store)
		run := func(names map[int]string) (writes int, r pipeline.Report) {
			t.Helper()
			before := crm.writes
			store.asked = 0
			r, err := openModel(t, named(n, names), crm).Run(t.Context(), store, pipeline.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return crm.writes - before, r
		}
		run(nil)
		names := map[int]string{}
		for i := 0; i < n; i += every {
			names[i] = "two"
		}
		writes, r := run(names)
		if want := (len(names) + rows - 1) / rows; writes != want || store.asked != want || r.Written != int64(len(names)) {
			t.Errorf("%d changes in %d writes of %d and %d looks into the ledger, want %d: %+v", len(names), writes, rows, store.asked, want, r)
		}
	})
}
