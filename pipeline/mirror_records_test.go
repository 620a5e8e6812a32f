package pipeline_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// mirrorOf returns a store and a destination that is mirrored, in which others have made records for some keys before.
func mirrorOf(others ...string) (*model.Store, *modelCRM) {
	store := model.New()
	crm := newModelCRM(1, store)
	crm.limits.Mirror = true
	for _, key := range others {
		id := "others' " + key
		crm.records[id], crm.byKey[key] = &modelRecord{id: id, key: key}, id
	}
	return store, crm
}

// plainRows returns n rows without parents.
func plainRows(n int) [][3]string {
	rows := make([][3]string, n)
	for i := range rows {
		rows[i] = [3]string{"k" + strconv.Itoa(i), "name " + strconv.Itoa(i), ""}
	}
	return rows
}

// TestAMirrorArchivesOnlyWhatItHasMade proves that of the rows that have left, or that a filter drops, just those records are
// archived which this pipeline has made; that this counts no row; and that a row which is back is made again.
func TestAMirrorArchivesOnlyWhatItHasMade(t *testing.T) {
	store, crm := mirrorOf("k2", "k11")
	rows := plainRows(12)
	run := func(rows [][3]string) pipeline.Report {
		t.Helper()
		report, err := openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	run(rows)
	fewer := slices.Clone(rows[:9]) // k9 and k10 have left, and k11, which others have made
	fewer[2][1], fewer[3][1], fewer[4][1] = "drop", "drop", "bad"
	if r := run(fewer); r.Archived != 3 || r.Read != 9 || r.Filtered != 2 || r.Rejected != 1 || r.Unchanged != 6 {
		t.Errorf("rows have left: %+v", r)
	}
	slices.Sort(crm.archived)
	if want := []string{"k10", "k3", "k9"}; !slices.Equal(crm.archived, want) {
		t.Errorf("archived %q, want %q", crm.archived, want)
	}
	writes := crm.writes
	if r := run(fewer); r.Archived != 0 || crm.writes != writes {
		t.Errorf("once more: %+v, %d writes", r, crm.writes-writes)
	}
	if r := run(rows); r.Written != 3 || r.Unchanged != 9 || crm.creates["k3"] != 2 || crm.creates["k2"] != 0 {
		t.Errorf("they are back: %+v, created %v", r, crm.creates)
	}
	if len(crm.broken) > 0 {
		t.Error(crm.broken)
	}
}

// TestAMirrorWaitsForEarlierAttempts proves that a record isn't archived while what a killed process has sent of its row may
// still take effect: that would make it again.
func TestAMirrorWaitsForEarlierAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, crm := mirrorOf()
		rows := plainRows(12)
		if _, err := openModel(t, rows, crm).Run(t.Context(), store, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		killed, err := store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"})
		if err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		if err := store.Intend(t.Context(), pipeline.Group{ID: "g", Pipeline: "p", Epoch: killed.Epoch,
			Intents: []pipeline.Intent{{Key: "k11", Version: 2, Attempt: 1, Action: pipeline.Upsert, Match: "k11"}}}); err != nil {
			t.Fatal(err)
		}
		store.Kill()
		var archived time.Duration
		crm.onWrite = func(int) { archived = time.Since(sent) } // all that is written is the archiving
		if r, err := openModel(t, rows[:11], crm).Run(t.Context(), store, pipeline.Options{}); err != nil || r.Archived != 1 || archived < landing {
			t.Errorf("archived %d records %v after the attempt, which takes effect within %v: %v", r.Archived, archived, landing, err)
		}
	})
}

// TestAMirrorThatIsBlindArchivesNothing proves that a row whose key can't be told, and a run that doesn't read all, archive
// nothing: what wasn't seen may be there.
func TestAMirrorThatIsBlindArchivesNothing(t *testing.T) {
	store, crm := mirrorOf()
	rows := plainRows(12)
	for _, c := range []struct {
		rows  [][3]string
		limit int64
		want  int64
	}{{rows, 0, 0}, {append(slices.Clone(rows[:9]), [3]string{"", "no key", ""}), 0, 0}, {rows[:9], 9, 0}, {rows[:9], 0, 3}} {
		r, err := openModel(t, c.rows, crm).Run(context.Background(), store, pipeline.Options{Limit: c.limit})
		if err != nil || r.Archived != c.want {
			t.Errorf("%d rows, limit %d: archived %d, want %d: %v", len(c.rows), c.limit, r.Archived, c.want, err)
		}
	}
}

// TestAMassChangeStopsAMirror proves that a run which would archive more than its quota, or whose source is empty, archives
// nothing and says so, but keeps what it has written; and that the next one does the rest if it is allowed to.
func TestAMassChangeStopsAMirror(t *testing.T) {
	for _, c := range []struct {
		quota pipeline.Quota
		left  int // rows
		stops string
	}{
		{pipeline.Quota{Share: 0.1, Count: 10}, 30, ""},
		{pipeline.Quota{Share: 0.1, Count: 10}, 29, "11 of the 40 rows that pipeline \"p\" has in the destination have left the source, more than the 10 that max_archive allows (10%, or 10 if that is more): nothing was archived"},
		{pipeline.Quota{Share: 0.5}, 20, ""},
		{pipeline.Quota{Share: 0.5}, 19, "more than the 20 that max_archive allows (50%)"},
		{pipeline.Quota{Count: 1}, 38, "2 of the 40 rows"},
		{pipeline.Quota{}, 39, "1 of the 40 rows"},
		{pipeline.Quota{Share: 1}, 0, "has no row, or none that its filters let pass, but the destination has 40 by it: nothing was archived"},
	} {
		store, crm := mirrorOf()
		crm.limits.MaxArchive = &c.quota
		rows := plainRows(40)
		run := func(rows [][3]string, allow bool) (pipeline.Report, error) {
			return openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{AllowMassChange: allow})
		}
		if _, err := run(rows, false); err != nil {
			t.Fatal(err)
		}
		left := slices.Clone(rows[:c.left])
		if c.left > 0 {
			left[0][1] = "another name"
		}
		r, err := run(left, false)
		if _, stopped := errors.AsType[*pipeline.MassChangeError](err); stopped != (c.stops != "") || stopped && !strings.Contains(err.Error(), c.stops) {
			t.Errorf("%v, %d left: %v, want %q", c.quota, c.left, err, c.stops)
		}
		if c.stops != "" && (r.Status != "failed" || r.Archived != 0 || len(crm.archived) > 0) || r.Written != int64(min(c.left, 1)) {
			t.Errorf("%v, %d left: %+v", c.quota, c.left, r)
		}
		if r, err := run(left, true); err != nil || r.Written != 0 || len(crm.archived) != 40-c.left {
			t.Errorf("%v, %d left, allowed: %+v, %v", c.quota, c.left, r, err)
		}
	}
}

// TestTheQuotaOfAMirrorIsExact proves that a mirror is stopped just where more has left than its quota allows of what the
// pipeline has in the destination, however many of its rows were rejected, never written, or are new.
func TestTheQuotaOfAMirrorIsExact(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		share := []float64{0, 0.1, 0.2, 0.3, 0.5}[rng.IntN(5)]
		store, crm := mirrorOf()
		crm.limits.MaxArchive = &pipeline.Quota{Share: share}
		crm.limits.MaxRejects = 0
		rows := plainRows(20 + rng.IntN(20))
		had, left := map[string]bool{}, [][3]string{}
		for i := range rows {
			if had[rows[i][0]] = rng.IntN(3) > 0; !had[rows[i][0]] {
				rows[i][1] = []string{"bad", "refused"}[rng.IntN(2)]
			}
		}
		run := func(rows [][3]string) (pipeline.Report, error) {
			return openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{})
		}
		if _, err := run(rows); err != nil {
			t.Fatal(err)
		}
		leaving, known := 0, 0
		for _, row := range rows {
			known += count(had[row[0]])
			switch rng.IntN(6) {
			case 0:
				leaving += count(had[row[0]])
				continue
			case 1:
				row[1] = "refused"
			}
			left = append(left, row)
		}
		if rng.IntN(2) == 0 {
			left, known = append(left, [3]string{"new", "new", ""}), known+1
		}
		_, err := run(left)
		stop, stopped := errors.AsType[*pipeline.MassChangeError](err)
		switch want := leaving > int(share*float64(known)); {
		case stopped != want || err != nil && !stopped:
			t.Errorf("seed %d: %d of %d rows have left, of which %g may: %v", seed, leaving, known, share, err)
		case stopped && (stop.Leaving != int64(leaving) || stop.Known != int64(known)):
			t.Errorf("seed %d: %+v, want %d of %d", seed, stop, leaving, known)
		case stopped:
			seen["stopped"]++
		case leaving > 3:
			seen["many archived"]++
		case leaving > 0:
			seen["archived"]++
		}
		if want := leaving * count(err == nil); len(crm.archived) != want {
			t.Errorf("seed %d: archived %d records, want %d", seed, len(crm.archived), want)
		}
	}
	proves(t, seen, "stopped", "many archived", "archived")
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
