package pipeline_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// The fields of explain --json keep their names: programs read them. One that is new is added here, none is renamed.
func TestExplanationFields(t *testing.T) {
	want := strings.Fields(`
pipeline key decision reason advice
rows rows[].place rows[].outcome rows[].columns rows[].columns[].name rows[].columns[].value
rows[].stages rows[].stages[].stage rows[].stages[].result
rows[].stages[].added rows[].stages[].added[].name rows[].stages[].added[].value rows[].stages[].code rows[].stages[].reason
more_rows read unreadable
payload payload[].name payload[].value changes changes[].property changes[].old changes[].new
kept kept[].property kept[].want kept[].got kept[].why hash
links links[].slot links[].state links[].from links[].from.object links[].from.record links[].from.property links[].from.value
links[].to links[].to.object links[].to.record links[].to.property links[].to.value links[].label links[].since
ledger ledger.version ledger.hash ledger.rejected ledger.record ledger.match ledger.merged ledger.made ledger.held ledger.waiting
ledger.sent ledger.decided ledger.trace_id ledger.unsent ledger.request ledger.answer
rejects rejects[].id rejects[].pipeline rejects[].key rejects[].place rejects[].stage rejects[].code rejects[].message rejects[].state
rejects[].run rejects[].last_run rejects[].first rejects[].last rejects[].retried rejects[].closed rejects[].follows rejects[].request rejects[].answer
attempts attempts[].action attempts[].version attempts[].attempt attempts[].trace_id attempts[].record attempts[].age_seconds attempts[].decided attempts[].landing
live live.presence live.record live.twin live.differences live.differences[].property live.differences[].want live.differences[].got live.differences[].kept live.problem
nearest`)
	if diff := cmp.Diff(want, fieldNames(reflect.TypeFor[pipeline.Explanation](), "")); diff != "" {
		t.Errorf("fields of an explanation (-want +got):\n%s", diff)
	}
}

// fieldNames returns the JSON names of a type's fields, and of those within them.
func fieldNames(t reflect.Type, prefix string) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			names = append(names, fieldNames(f.Type, prefix)...)
			continue
		}
		within := f.Type
		path := prefix + name
		names = append(names, path)
		for within.Kind() == reflect.Slice || within.Kind() == reflect.Pointer {
			if within.Kind() == reflect.Slice {
				path += "[]"
			}
			within = within.Elem()
		}
		if f.Type == reflect.TypeFor[pipeline.Sent]() {
			continue // an object whose names are properties
		}
		if within.Kind() == reflect.Struct && within != reflect.TypeFor[time.Time]() {
			names = append(names, fieldNames(within, path+".")...)
		}
	}
	return names
}

// TestExplainKeepsWhatItTells proves that what is told of a row stays when its source has gone on.
func TestExplainKeepsWhatItTells(t *testing.T) {
	s := newStock(t, [3]string{"a", "one", ""}, [3]string{"b", "two", ""}, [3]string{"c", "three", ""}, [3]string{"d", "four", ""}, [3]string{"a", "five", ""})
	told, err := s.p.Explain(t.Context(), nil, "a", pipeline.ExplainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	add := func(list []pipeline.ExplainedValue) {
		for _, v := range list {
			if v.Value != nil {
				got = append(got, v.Name+"="+*v.Value)
			}
		}
	}
	for _, row := range told.Rows {
		add(row.Columns)
		for _, stage := range row.Stages {
			add(stage.Added)
		}
	}
	add(told.Payload)
	if diff := cmp.Diff(strings.Fields("id=a name=one name=one id=a name=five name=five name=five"), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExplainWhatMayLand proves that an attempt at a version which is decided is said to land yet only if no answer to it is
// known, and only for as long as that can be.
func TestExplainWhatMayLand(t *testing.T) {
	for name, test := range map[string]struct {
		version int64 // that is decided
		answer  string
		after   time.Duration
		want    string // of attempts 1 and 2
	}{
		"undecided":          {0, "", 0, "[false false]"},
		"answered":           {1, "200", 0, "[true false]"},
		"named by an error":  {1, "207 VALIDATION_ERROR", 0, "[true false]"},
		"read back":          {1, "200, read back", 0, "[true true]"},
		"nothing was said":   {1, "", 0, "[true true]"},
		"a later version":    {2, "200", 0, "[true true]"},
		"read back long ago": {1, "200, read back", time.Hour, "[false false]"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newStock(t, [3]string{"a", "one", ""})
				began, err := s.store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"})
				for attempt := range int64(2) {
					g := pipeline.Group{ID: fmt.Sprint(attempt), Pipeline: "p", Epoch: began.Epoch,
						Intents: []pipeline.Intent{{Key: "a", Version: 1, Attempt: attempt + 1}, {Key: "b", Version: 1, Attempt: attempt + 1}}}
					err = errors.Join(err, s.store.Intend(t.Context(), g))
				}
				if test.version > 0 {
					d := pipeline.Decision{Key: "a", Version: test.version, Hash: pipeline.Hash{1}, ID: "ra", Verdict: pipeline.Done, Answer: pipeline.Answer{Text: test.answer}}
					err = errors.Join(err, s.store.Commit(t.Context(), pipeline.Commit{Pipeline: "p", Account: "model", Epoch: began.Epoch, Run: began.Run, Decisions: []pipeline.Decision{d}}))
				}
				time.Sleep(test.after)
				told, explained := s.p.Explain(t.Context(), s.store, "a", pipeline.ExplainOptions{})
				if err = errors.Join(err, explained); err != nil || len(told.Attempts) != 2 {
					t.Fatalf("%+v, %v", told.Attempts, err)
				}
				if got := fmt.Sprint([]bool{told.Attempts[0].Landing, told.Attempts[1].Landing}); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		})
	}
}
