package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// TestKilledLinkRunsEndAsOneCleanRun is I10 for rows that are links, in mirror mode: whatever is lost or killed on the
// way, and however the source changes meanwhile, every link that rows ask for is there at the end, and no other of ours.
func TestKilledLinkRunsEndAsOneCleanRun(t *testing.T) {
	killed := 0
	inOneBubble(t, 150, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 5))
		store, crm := model.New(), newModelPairs(seed)
		crm.faults = 0.3
		for range 4 {
			killed += linkRun(t, seed, rng, randomPairs(rng), store, crm)
		}
		last := randomPairs(rng)
		crm.faults, crm.onCall = 0, nil
		clear(crm.absent)
		report, err := openPairs(t, last, crm).Run(context.Background(), store, pipeline.Options{})
		if err != nil || report.Held != 0 || report.Parked != 0 {
			t.Errorf("seed %d: the last run: %+v, %v", seed, report, err)
		}
		clean := newModelPairs(seed)
		clear(clean.absent)
		if _, err := openPairs(t, last, clean).Run(context.Background(), model.New(), pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(clean.content(), crm.content()); diff != "" {
			t.Errorf("seed %d: I10: the links differ from those of a clean run (-want +got):\n%s", seed, diff)
		}
		writes := crm.writes
		again, err := openPairs(t, last, crm).Run(context.Background(), store, pipeline.Options{})
		if err != nil || crm.writes != writes || again.Unchanged != again.Read {
			t.Errorf("seed %d: I9: a second run made %d writes: %+v, %v", seed, crm.writes-writes, again, err)
		}
	})
	if killed < 100 {
		t.Errorf("only %d runs were killed: the test proves too little", killed)
	}
}

// linkRun runs once and kills the process at a random moment, or not, and returns how often it did.
func linkRun(t *testing.T, seed uint64, rng *rand.Rand, rows [][3]string, store *model.Store, crm *modelPairs) (killed int) {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	start, at := crm.calls, 1+rng.IntN(24)
	crm.onCall = func(n int) {
		if n-start == at {
			killed++
			store.Kill()
			kill()
		}
	}
	report, err := openPairs(t, rows, crm).Run(ctx, store, pipeline.Options{})
	if err == nil {
		if err := report.Balance(); err != nil || report.Held < 0 {
			t.Errorf("seed %d: I3: %v: %+v", seed, err, report)
		}
	}
	time.Sleep(time.Minute)
	return killed
}

// TestAnIntendedLinkIsAskedForAgain proves that a link which the ledger shows only because it was about to be made isn't
// taken for one that is there, when its row is written again for another reason.
func TestAnIntendedLinkIsAskedForAgain(t *testing.T) {
	store := model.New()
	crm := newModelCRM(1, store)
	crm.elsewhere = map[string]string{"g": "77"}
	ctx, kill := context.WithCancel(context.Background())
	crm.onLink = func() {
		store.Kill()
		kill()
	}
	if _, err := openModel(t, [][3]string{{"k", "name", "g"}}, crm).Run(ctx, store, pipeline.Options{}); err == nil {
		t.Fatal("the run wasn't killed")
	}
	crm.onLink = nil
	if _, err := openModel(t, [][3]string{{"k", "other name", "g"}}, crm).Run(context.Background(), store, pipeline.Options{Full: true}); err != nil {
		t.Fatal(err)
	}
	if got := crm.links[crm.byKey["k"]]; got != "77" {
		t.Errorf("the row is linked to %q, want 77", got)
	}
}

// TestALinkRowWithALaterVersionIsSuperseded proves that the earlier of two rows of a key isn't counted as held for ever:
// what it asked for is no longer waiting.
func TestALinkRowWithALaterVersionIsSuperseded(t *testing.T) {
	for _, later := range []string{"p:member", "p:chair"} {
		crm := newModelPairs(1)
		clear(crm.pairs)
		clear(crm.absent)
		rows := [][3]string{{"k", "p:chair", "g"}}
		for i := range 15 {
			rows = append(rows, [3]string{fmt.Sprint(i), fmt.Sprintf("p%d:", i), "g"})
		}
		rows = append(rows, [3]string{"k", later, "g"})
		report, err := openPairs(t, rows, crm).Run(context.Background(), model.New(), pipeline.Options{})
		if err != nil || report.Held != 0 || report.Superseded != 1 || report.Written != 16 || report.Linked != 16 {
			t.Errorf("later %s: %+v, %v", later, report, err)
		}
	}
}

// TestRefusedLinksStopTheRun proves that max_rejects holds for rows that are links, too.
func TestRefusedLinksStopTheRun(t *testing.T) {
	crm := newModelPairs(1)
	crm.refuses, crm.limits.MaxRejects = true, 0.5
	report, err := openPairs(t, plainPairs(1500), crm).Run(context.Background(), model.New(), pipeline.Options{})
	if err == nil || !strings.Contains(err.Error(), "max_rejects") || report.Rejected > 300 {
		t.Errorf("%d rows were rejected: %v", report.Rejected, err)
	}
}

// TestRefusedLinksSayWhere proves that the dead letter of a link says where its row is, and still does after a run in which
// the row hasn't changed.
func TestRefusedLinksSayWhere(t *testing.T) {
	pairs := newModelPairs(1)
	pairs.refuses = true
	store := model.New()
	for range 2 {
		if _, err := openPairs(t, plainPairs(3), pairs).Run(context.Background(), store, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		letters := store.Letters(false)
		if len(letters) != 3 {
			t.Errorf("%d rows were rejected, want 3", len(letters))
		}
		for _, l := range letters {
			if at, _ := strconv.Atoi(l.Key); l.Place != fmt.Sprintf("rows:%d", at+1) {
				t.Errorf("the link of row %q is at %q", l.Key, l.Place)
			}
		}
	}
}

// TestUnsureLinksGoWithTheirRow proves that a link which was refused because nobody knows whether it was made is taken back
// with its row, and made when the row changes.
func TestUnsureLinksGoWithTheirRow(t *testing.T) {
	store, crm := model.New(), newModelPairs(1)
	clear(crm.pairs)
	clear(crm.absent)
	crm.unsure = true
	ctx := context.Background()
	if report, err := openPairs(t, plainPairs(3), crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Rejected != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	crm.unsure = false
	if report, err := openPairs(t, plainPairs(1), crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Unlinked != 2 || len(crm.pairs) != 1 {
		t.Fatalf("%+v, %v; %v is left", report, err, crm.pairs)
	}
	clear(crm.pairs)
	rows := plainPairs(1)
	rows[0][1] += "Chair"
	if report, err := openPairs(t, rows, crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Linked != 1 || len(store.Letters(false)) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRelinkCountsOnlyRowsThatAreHeld proves I3 where a run went on from a checkpoint: links of rows that an earlier run
// has read leave no counter of this one.
func TestRelinkCountsOnlyRowsThatAreHeld(t *testing.T) {
	store, crm := model.New(), newModelPairs(1)
	clear(crm.pairs)
	crm.limits.Mirror = false
	crm.absent["g"] = true
	ctx, p := context.Background(), openPairs(t, plainPairs(40), crm)
	if _, err := p.Run(ctx, store, pipeline.Options{Limit: 30}); err != nil {
		t.Fatal(err)
	}
	report, err := p.Run(ctx, store, pipeline.Options{})
	if err != nil || report.Held != 10 || report.Parked != 40 {
		t.Fatalf("%+v, %v", report, err)
	}
	delete(crm.absent, "g")
	report, err = p.Relink(ctx, store, pipeline.Options{}, report)
	if err != nil || report.Held != 0 || report.Written != 10 || report.Linked != 40 || report.Parked != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
