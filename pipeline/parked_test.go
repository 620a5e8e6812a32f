package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

const day = 24 * time.Hour

// parkedRun runs rows of links that may be parked for 30 days, and checks how many links are parked, and how many rows have a
// dead letter for it, which somebody has to look at.
func parkedRun(t *testing.T, store *model.Store, crm *modelPairs, what string, rows [][3]string, parked, letters int64) {
	t.Helper()
	p, err := pipeline.Open(context.Background(), pipeline.Definition{Name: "p", Key: []string{"id"}, Source: &sliceSource{rows: rows, batch: 10},
		Transforms: []pipeline.TransformConfig{paired{maxAge: 30 * day}}, Sink: crm}, pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := p.Run(context.Background(), store, pipeline.Options{})
	open := store.Letters(false)
	if err != nil || report.Parked != parked || report.Overdue != letters || int64(len(open)) != letters {
		t.Errorf("%s: %d links are parked, %d to be looked at, %v; want %d and %d; open: %v", what, report.Parked, report.Overdue, err, parked, letters, len(open))
	}
	for _, l := range open {
		if l.Stage != "link" || l.Code != "parked_too_long" || !strings.HasPrefix(l.Place, "rows:") {
			t.Errorf("%s: dead letter %+v", what, l)
		}
	}
}

// TestALinkThatIsParkedTooLongIsRejected proves that a link which has waited longer than max_age has one dead letter, though
// its row is written anew meanwhile, and though many runs see it; that it is made all the same once its record has come, which closes
// the letter; and that a younger one goes on waiting.
func TestALinkThatIsParkedTooLongIsRejected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, crm := model.New(), newModelPairs(1)
		clear(crm.pairs)
		clear(crm.absent)
		crm.absent["g1"], crm.absent["g2"] = true, true
		old, young := [3]string{"a", "p1:chair", "g1"}, [3]string{"b", "p2:", "g2"}
		there := [3]string{"c", "p3:", "g3"}
		parkedRun(t, store, crm, "at first", [][3]string{old, there}, 1, 0)
		time.Sleep(20 * day)
		old[1] = "p1:member"
		parkedRun(t, store, crm, "with another label", [][3]string{old, there, young}, 2, 0)
		time.Sleep(10*day + time.Minute)
		parkedRun(t, store, crm, "after 30 days", [][3]string{old, there, young}, 2, 1)
		parkedRun(t, store, crm, "again", [][3]string{old, there, young}, 2, 1)
		if all := store.Letters(true); len(all) != 1 || all[0].Key != "a" {
			t.Errorf("there have been %d letters, of %q at last", len(all), all[0].Key)
		}
		old[1] = "p1:chair"
		parkedRun(t, store, crm, "with its first label again", [][3]string{old, there, young}, 2, 1)
		delete(crm.absent, "g1")
		parkedRun(t, store, crm, "once the record is there", [][3]string{old, there, young}, 1, 0)
		if got := crm.pairs[[2]string{"people/p1", "groups/g1"}]; got != "chair" {
			t.Errorf("the link is %q, want chair", got)
		}
	})
}

// TestAParkedLinkLeavesWithItsRow proves that a mirror drops what is parked of a row that has left the source, and the dead
// letter with it: nothing of it is made when the record comes.
func TestAParkedLinkLeavesWithItsRow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, crm := model.New(), newModelPairs(1)
		clear(crm.pairs)
		clear(crm.absent)
		crm.absent["g1"] = true
		leaver, stays := [3]string{"a", "p1:", "g1"}, [3]string{"b", "p2:", "g2"}
		parkedRun(t, store, crm, "at first", [][3]string{leaver, stays}, 1, 0)
		time.Sleep(31 * day)
		parkedRun(t, store, crm, "after 31 days", [][3]string{leaver, stays}, 1, 1)
		parkedRun(t, store, crm, "without the row", [][3]string{stays}, 0, 0)
		delete(crm.absent, "g1")
		parkedRun(t, store, crm, "with the record", [][3]string{stays}, 0, 0)
		if len(crm.pairs) != 1 {
			t.Errorf("there are %d links, want that of the row that stays: %v", len(crm.pairs), crm.pairs)
		}
	})
}

// TestALetterNamesAllThatNeverCame proves that a row has one letter, which names each record that it waits for.
func TestALetterNamesAllThatNeverCame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, crm := model.New(), newModelPairs(1)
		said := &saying{Store: store}
		clear(crm.absent)
		crm.absent["p1"], crm.absent["g1"] = true, true
		p, err := pipeline.Open(context.Background(), pipeline.Definition{Name: "p", Key: []string{"id"}, Source: &sliceSource{rows: [][3]string{{"a", "p1:", "g1"}}, batch: 10},
			Transforms: []pipeline.TransformConfig{paired{maxAge: 30 * day}}, Sink: crm}, pipeline.Env{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := p.Run(context.Background(), said, pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(31 * day)
		}
		if len(said.messages) != 1 {
			t.Fatalf("rejects: %q", said.messages)
		}
		for _, want := range []string{`from: since 2000-01-01 00:00:00 there has been no record of people whose id is "p1"`, `to: since`, `groups whose id is "g1", which is longer than max_age (30d)`} {
			if !strings.Contains(said.messages[0], want) {
				t.Errorf("%s\ndoesn't say %s", said.messages[0], want)
			}
		}
	})
}

// saying keeps the messages of rejects.
type saying struct {
	*model.Store
	messages []string
}

func (s *saying) Commit(ctx context.Context, c pipeline.Commit) error {
	for _, r := range c.Rejects {
		s.messages = append(s.messages, r.Err.Error())
	}
	return s.Store.Commit(ctx, c)
}
