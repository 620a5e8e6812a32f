package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// TestStoresAgree plays random histories on both stores and on the model of them, which the engine is simulated with, and
// compares all that can be seen of them after every step.
// It also checks what holds in any history: versions never go back (I4), and what was rejected, or is held, has an
// open dead letter (I2).
func TestStoresAgree(t *testing.T) {
	var stores []*store
	for _, b := range backends[:2] { // a pooler adds nothing to what is compared
		s := openStore(t, b.url(t), times)
		if _, _, err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		stores = append(stores, s)
	}
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		histories++
		m := &machine{TB: t, Context: rt, name: fmt.Sprintf("p%d", histories), versions: map[string]int64{}}
		for i, s := range stores {
			m.runs = append(m.runs, &machineRun{machineStore: real{s}, what: backends[i].name, name: m.name})
		}
		m.runs = append(m.runs, &machineRun{machineStore: modelled{model.New()}, what: "model", name: m.name})
		m.start()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step()
			m.compare()
		}
		m.finish()
	})
}

type machine struct {
	testing.TB
	Context  *rapid.T
	name     string
	runs     []*machineRun // the same run in every store
	groups   []string
	versions map[string]int64
	forgot   bool // a row may be one that the digest needn't ask about any more
}

var machineKeys = []string{"a", "b", "c", "ü"}

func (m *machine) key() string { return rapid.SampledFrom(machineKeys).Draw(m.Context, "key") }

func (m *machine) each(what string, do func(r *machineRun) error) {
	m.Helper()
	for _, r := range m.runs {
		if err := do(r); err != nil {
			m.Context.Fatalf("%s: %v", what, err)
		}
	}
}

func (m *machine) step() {
	switch rapid.IntRange(0, 10).Draw(m.Context, "step") {
	case 10:
		m.each("compact", func(r *machineRun) error { return r.compact(m.Context.Context(), m.name) })
	case 0:
		m.finish()
		m.start()
	case 1:
		m.each("crash and start", func(r *machineRun) error { r.crash(m.name, r.Epoch); return nil })
		m.start()
	case 2:
		letters, _ := m.runs[0].letters(m.Context.Context(), m.name, false)
		if len(letters) == 0 {
			return
		}
		at := rapid.IntRange(0, len(letters)-1).Draw(m.Context, "letter")
		m.forgot = true
		m.each("retry", func(r *machineRun) error {
			same, err := r.letters(m.Context.Context(), m.name, false)
			if err == nil {
				err = r.retry(m.Context.Context(), m.name, same[at].ID)
			}
			return err
		})
	case 3, 4:
		m.intend()
	default:
		c, read := m.commit(), rapid.Bool().Draw(m.Context, "read")
		m.each("commit", func(r *machineRun) error {
			c := c
			c.Pipeline, c.Account, c.Epoch, c.Run = m.name, account, r.Epoch, r.Run
			if read {
				m.read(r, &c)
			}
			return r.Commit(m.Context.Context(), c)
		})
	}
}

// read has the decisions of a commit be of entries as they are now, of keys that it decides once.
func (m *machine) read(r *machineRun, c *pipeline.Commit) {
	c.Decisions = slices.Clone(c.Decisions)
	times := map[string]int{}
	for _, d := range c.Decisions {
		times[d.Key]++
	}
	for i := range c.Decisions {
		d := &c.Decisions[i]
		if known, err := r.Known(m.Context.Context(), m.name, []string{d.Key}); err != nil {
			m.Fatal(err)
		} else if times[d.Key] == 1 && d.Verdict == pipeline.Done {
			d.Before = &known[0]
		}
	}
}

func (m *machine) start() {
	b := pipeline.Begin{Pipeline: m.name, Account: account, Fingerprint: rapid.SampledFrom([]string{"f", "f", "g"}).Draw(m.Context, "fingerprint"),
		Full:      rapid.IntRange(0, 4).Draw(m.Context, "full") == 0,
		FullEvery: rapid.SampledFrom([]time.Duration{0, 0, time.Microsecond, time.Hour}).Draw(m.Context, "full every")}
	m.each("start", func(r *machineRun) (err error) {
		peeked, err := r.Peek(m.Context.Context(), b)
		if err != nil {
			return fmt.Errorf("peek: %w", err)
		}
		r.Resume, err = r.Start(m.Context.Context(), b)
		if diff := cmp.Diff(r.Resume, peeked, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(pipeline.Doubt{}, "Age"),
			cmpopts.IgnoreFields(pipeline.Resume{}, "Epoch", "Run", "Permit", "ThrottleAge")); diff != "" {
			return fmt.Errorf("%s: what was peeked at isn't what was started from:\n%s", r.what, diff)
		}
		slices.SortFunc(r.Doubtful, func(a, b pipeline.Doubt) int { return strings.Compare(a.Key, b.Key) })
		return err
	})
	m.same("resume", func(r *machineRun) any {
		return []any{r.Position, r.Doubtful, r.Epoch}
	}, cmpopts.IgnoreFields(pipeline.Doubt{}, "Age"))
}

func (m *machine) finish() {
	f := pipeline.Finish{Pipeline: m.name, Status: rapid.SampledFrom([]string{pipeline.StatusDone, "failed"}).Draw(m.Context, "status"), Complete: rapid.Bool().Draw(m.Context, "complete"), Keep: rapid.Bool().Draw(m.Context, "keep"),
		Whole: rapid.Bool().Draw(m.Context, "whole"), Parked: rapid.Bool().Draw(m.Context, "parked")}
	m.forgot = m.forgot || f.Whole
	m.each("finish", func(r *machineRun) error {
		f := f
		f.Epoch, f.Run = r.Epoch, r.Run
		return r.Finish(m.Context.Context(), f)
	})
}

func (m *machine) intend() {
	g := pipeline.Group{ID: fmt.Sprintf("%s-%d", m.name, len(m.groups)), Pipeline: m.name}
	for _, key := range distinct([]string{m.key(), m.key()}) {
		g.Intents = append(g.Intents, pipeline.Intent{Key: key, Version: m.versions[key] + 1, Action: pipeline.Upsert, TraceID: g.ID + key, Sent: pipeline.Sent{{Property: m.slot(), Value: m.value()}}})
	}
	m.groups = append(m.groups, g.ID)
	m.each("intend", func(r *machineRun) error {
		g.Epoch = r.Epoch
		return r.Intend(m.Context.Context(), g)
	})
}

func (m *machine) commit() (c pipeline.Commit) {
	for range rapid.IntRange(0, 3).Draw(m.Context, "decisions") {
		c.Decisions = append(c.Decisions, m.decision())
	}
	for range rapid.IntRange(0, 2).Draw(m.Context, "links") {
		d := pipeline.LinkDecision{Key: m.key(), Slot: m.slot(), Remove: rapid.Bool().Draw(m.Context, "remove"), From: "1", To: m.value()}
		switch {
		case rapid.Bool().Draw(m.Context, "refused"):
			d.Reject = reject(d.Key, "link", "no_link")
		case !d.Remove:
			s := linkState(d.Slot, d.From, d.To)
			if rapid.Bool().Draw(m.Context, "merged") {
				s.FromID, s.FromWas, s.ToID, s.ToWas = "2", d.From, m.value(), d.To
			}
			d.State = &s
		}
		if d.Answer = m.answer(); d.Reject != nil {
			d.Reject.Answer = d.Answer
		}
		c.Links = append(c.Links, d)
	}
	for range rapid.IntRange(0, 2).Draw(m.Context, "rejects") {
		said := rapid.SampledFrom([]*pipeline.Reject{reject("", "map", "bad"), reject("", pipeline.StageLink, pipeline.ParkedTooLong)}).Draw(m.Context, "reject")
		said.Key = rapid.SampledFrom([]string{"", "a", "b"}).Draw(m.Context, "key")
		c.Rejects = append(c.Rejects, *said)
	}
	if rapid.Bool().Draw(m.Context, "sees") {
		c.Seen = []string{m.key()}
	}
	if len(m.groups) > 0 && rapid.Bool().Draw(m.Context, "closes") {
		c.Closed = []string{rapid.SampledFrom(m.groups).Draw(m.Context, "group")}
	}
	if rapid.Bool().Draw(m.Context, "moves") {
		c.Position = pipeline.Position{byte(len(m.groups) + 1)}
	}
	return c
}

func (m *machine) slot() string { return rapid.SampledFrom([]string{"s", "t"}).Draw(m.Context, "slot") }
func (m *machine) value() string {
	return rapid.SampledFrom([]string{"1", "2"}).Draw(m.Context, "value")
}

func (m *machine) decision() pipeline.Decision {
	key := m.key()
	version := m.versions[key] + int64(rapid.IntRange(-1, 1).Draw(m.Context, "raise"))
	d := pipeline.Decision{Key: key, Version: version, Hash: hash(byte(version))}
	for range rapid.IntRange(0, 2).Draw(m.Context, "tried") {
		d.Tried = append(d.Tried, pipeline.Sent{{Property: m.slot(), Value: m.value()}})
	}
	d.Stays = rapid.IntRange(0, 3).Draw(m.Context, "stays") == 0
	switch rapid.IntRange(0, 4).Draw(m.Context, "verdict") {
	case 0:
		d.Verdict, d.Reject = pipeline.Refused, reject(key, "sink", m.value())
	case 1:
		d.Held, d.Reject = true, reject(key, "sink", "in_doubt")
	case 2:
		d.Verdict, d.ID, d.Made = pipeline.Found, "1", rapid.Bool().Draw(m.Context, "made")
	default:
		d.Verdict, d.ID = pipeline.Done, m.value()
		d.Made, d.Gone = rapid.Bool().Draw(m.Context, "made"), rapid.IntRange(0, 4).Draw(m.Context, "gone") == 0
		for range rapid.IntRange(0, 2).Draw(m.Context, "sent") {
			value := rapid.SampledFrom([]string{"", "1", "Ü \"\n"}).Draw(m.Context, "value")
			d.Sent = d.Sent.With(pipeline.Sent{{Property: m.slot(), Value: value}})
		}
		d.Record = &pipeline.RecordID{Object: m.name, Property: rapid.SampledFrom([]string{"n", "n", "o"}).Draw(m.Context, "property"), Value: m.value(), ID: m.value()}
		for range rapid.IntRange(0, 3).Draw(m.Context, "wants") {
			to := pipeline.LinkEnd{Object: m.name, Property: "n", Value: m.value()}
			if rapid.Bool().Draw(m.Context, "known") {
				to = pipeline.LinkEnd{Object: m.name, ID: m.value()}
			}
			d.Links = append(d.Links, wanted(m.slot(), rapid.Bool().Draw(m.Context, "remove"), pipeline.LinkEnd{Object: "x"}, to))
		}
	}
	if d.Answer = m.answer(); d.Reject != nil {
		d.Reject.Answer = d.Answer
	}
	m.versions[key] = max(m.versions[key], version)
	return d
}

func (m *machine) answer() pipeline.Answer {
	return pipeline.Answer{Request: rapid.SampledFrom([]string{"", "c-1", "ü"}).Draw(m.Context, "request"), Text: rapid.SampledFrom([]string{"", "200"}).Draw(m.Context, "answer")}
}
