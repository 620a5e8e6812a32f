package state

import (
	order "cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
)

// same compares what the stores show.
func (m *machine) same(what string, show func(r *machineRun) any, opts ...cmp.Option) {
	m.Helper()
	want := show(m.runs[0])
	for _, r := range m.runs[1:] {
		got := show(r)
		if reflect.DeepEqual(want, got) {
			continue // nearly always, and told in a small part of the time that cmp takes
		}
		if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(pipeline.LinkChange{}, "Since"))...); diff != "" {
			m.Context.Fatalf("%s (-%s +%s):\n%s", what, m.runs[0].what, r.what, diff)
		}
	}
}

func (m *machine) compare() {
	ctx := m.Context.Context()
	m.same("entries", func(r *machineRun) any { return seen(r.Known(ctx, m.name, machineKeys)) })
	m.same("waiting", func(r *machineRun) any { return seen(r.Waiting(ctx, m.name, nil, 1000)) })
	m.same("next waiting", func(r *machineRun) any {
		first, err := r.Waiting(ctx, m.name, nil, 1)
		if err != nil || len(first) == 0 {
			return seen(first, err)
		}
		return seen(r.Waiting(ctx, m.name, &first[0], 2))
	})
	m.same("dead letters", func(r *machineRun) any {
		list, err := r.letters(ctx, m.name, true)
		return seen(codes(list), err)
	})
	for _, property := range []string{"n", "o"} {
		m.same("records by "+property, func(r *machineRun) any { return seen(r.Records(ctx, account, m.name, property, []string{"1", "2"})) })
	}
	for _, key := range machineKeys {
		m.same("memory of "+key, func(r *machineRun) any { return seen(m.remembered(r, key)) }, cmpopts.IgnoreFields(pipeline.Doubt{}, "Age"))
	}
	m.same("ledger", func(r *machineRun) any { return seen(r.Ledger(ctx, m.name, "a", 2)) })
	for _, whole := range []bool{false, true} {
		m.same("earlier rejects", func(r *machineRun) any { return seen(r.Earlier(ctx, m.name, r.Run, whole)) })
	}
	m.same("sharers", func(r *machineRun) any {
		list, err := r.Sharers(ctx, m.name, [][2]string{{"1", "2"}, {"1", "1"}, {"2", "2"}})
		list = slices.DeleteFunc(list, func(l pipeline.SharedLink) bool { return l.Key == "" }) // of other histories
		slices.SortFunc(list, func(a, b pipeline.SharedLink) int {
			return order.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Slot, b.Slot), strings.Compare(a.FromID, b.FromID), strings.Compare(a.ToID, b.ToID))
		})
		return seen(list, err)
	})
	m.same("keys", func(r *machineRun) any { return seen(r.Keys(ctx, m.name, "a", 2)) })
	m.same("holdings", func(r *machineRun) any {
		list, err := r.Holdings(ctx, m.name, append([]string{"never written"}, machineKeys...))
		slices.SortFunc(list, func(a, b pipeline.Holding) int { return strings.Compare(a.Key, b.Key) })
		return seen(list, err)
	})
	m.same("number of holdings", func(r *machineRun) any { return seen(r.CountHoldings(ctx, m.name)) })
	m.digests()
	m.invariants()
}

// digests checks that no store's digest says more of a row than the ledger, or doesn't know one.
func (m *machine) digests() {
	m.each("digest", func(r *machineRun) error {
		has := map[uint64]uint64{}
		_, err := r.Digest(m.Context.Context(), m.name, r.Epoch, func(packed []byte) error {
			for key, content := range digest.Entries(packed) {
				has[key] = content
			}
			return nil
		})
		if err != nil {
			return err
		}
		page, err := r.Ledger(m.Context.Context(), m.name, "", 1000)
		for i := range page {
			content, known := has[digest.Key(page[i].Key)]
			if !known || content != digest.Ask && content != page[i].Content() {
				m.Context.Errorf("the digest of the %s has %d, %v of %+v", r.what, content, known, page[i])
			}
			if page[i].Content() != digest.Ask && content == digest.Ask && !m.forgot {
				m.Context.Errorf("the digest of the %s doesn't know the content of %+v", r.what, page[i])
			}
		}
		return err
	})
}

// remembered returns what a store knows of a key, but for what tells of times.
func (m *machine) remembered(r *machineRun, key string) (pipeline.Memory, error) {
	known, err := r.Remember(m.Context.Context(), m.name, key)
	if known.Since.IsZero() != (len(known.Wanted) == 0) && r.what != "model" {
		m.Context.Errorf("%s waits since %v for %v", key, known.Since, known.Wanted)
	}
	known.Decided, known.Since = time.Time{}, time.Time{}
	for i, l := range known.Rejects {
		known.Rejects[i] = DeadLetter{Key: l.Key, Place: l.Place, Stage: l.Stage, Code: l.Code, State: l.State, Answer: l.Answer}
	}
	return known, err
}

// seen puts an answer and its error together.
func seen[T any](answer T, err error) []any { return []any{answer, err} }

// invariants checks what holds in any history.
func (m *machine) invariants() {
	ctx := m.Context.Context()
	open := map[string]bool{}
	letters, err := m.runs[0].letters(ctx, m.name, false)
	if err != nil {
		m.Context.Fatal(err)
	}
	for _, l := range letters {
		open[l.Key] = true
		if l.Last.Before(l.First) || time.Since(l.First) > time.Hour {
			m.Context.Errorf("times of %+v", l)
		}
	}
	known, err := m.runs[0].Known(ctx, m.name, machineKeys)
	if err != nil {
		m.Context.Fatal(err)
	}
	for i, e := range known {
		key := machineKeys[i]
		if e.Version != max(0, m.versions[key]) {
			m.Context.Errorf("version %d of %s, want %d", e.Version, key, m.versions[key])
		}
		if (e.Rejected != (pipeline.Hash{}) || e.Held) && !open[key] {
			m.Context.Errorf("nothing says that %s was refused: %+v", key, e)
		}
	}
}
