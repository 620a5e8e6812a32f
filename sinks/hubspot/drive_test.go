package hubspot

import (
	"fmt"
	"testing"
	"time"

	"sluice/pipeline"
)

// extID is what the contacts of these tests are told apart by.
var extID = Need{Object: "contacts", Properties: []NeedProperty{{Name: "ext_id", Type: "string", FieldType: "text", Unique: true}}}

// The final states of a row.
const (
	done   = "done"
	held   = "held"
	gone   = "gone"
	purged = "purged"
)

// drive does with changes what the engine does: it prepares, writes, settles what is in doubt and repeats what is
// known not to be there, until every change is decided. It returns how each ended: a state, or the code of a refusal.
func drive(t *testing.T, s *Sink, changes []pipeline.Change) map[string]string {
	t.Helper()
	ends, _ := driveIDs(t, s, changes)
	return ends
}

// driveIDs is drive, and returns the records' ids as well.
func driveIDs(t *testing.T, s *Sink, changes []pipeline.Change) (map[string]string, map[string]string) {
	t.Helper()
	ends, ids := map[string]string{}, map[string]string{}
	sent := map[string]time.Time{}
	for round := 0; len(ends) < len(changes); round++ {
		if round == 12 {
			t.Fatalf("not decided after %d rounds: %v", round, ends)
		}
		var todo []pipeline.Change
		for _, c := range changes {
			if ends[c.TraceID] == "" {
				c.Values = append([]pipeline.Value(nil), c.Values...)
				if ids[c.TraceID] != "" {
					c.ID = ids[c.TraceID]
				}
				c.Sent = sent[c.TraceID]
				todo = append(todo, c)
			}
		}
		prepared, err := s.Prepare(t.Context(), todo)
		if err != nil {
			t.Fatal(err)
		}
		end(ends, ids, byTrace(t, prepared))
		groups := map[pipeline.Action][]pipeline.Change{}
		for _, c := range todo {
			if ends[c.TraceID] == "" {
				groups[c.Action] = append(groups[c.Action], c)
			}
		}
		for _, group := range groups {
			attempt(t, s, group, ends, ids, sent)
		}
	}
	return ends, ids
}

// attempt writes a group, and settles what is in doubt.
func attempt(t *testing.T, s *Sink, group []pipeline.Change, ends, ids map[string]string, sent map[string]time.Time) {
	t.Helper()
	outcomes, err := s.Write(t.Context(), group)
	if err != nil {
		t.Logf("write: %v", err)
	}
	decided := byTrace(t, outcomes)
	end(ends, ids, decided)
	var doubt []pipeline.Change
	for _, c := range group {
		if _, ok := decided[c.TraceID]; !ok {
			doubt = append(doubt, c)
		}
	}
	settled, err := s.Settle(t.Context(), doubt)
	if err != nil {
		t.Logf("settle: %v", err)
		return
	}
	answers := byTrace(t, settled)
	for _, c := range doubt {
		sent[c.TraceID] = time.Now()
		switch o, ok := answers[c.TraceID]; {
		case !ok:
			ends[c.TraceID] = held
		case o.Verdict == pipeline.Found:
			ids[c.TraceID] = o.ID
		}
	}
	end(ends, ids, answers)
}

func end(ends, ids map[string]string, outcomes map[string]pipeline.Outcome) {
	for trace, o := range outcomes {
		switch o.Verdict {
		case pipeline.Done:
			ends[trace], ids[trace] = done, o.ID
		case pipeline.Gone:
			if ends[trace] = gone; o.Purged {
				ends[trace] = purged
			}
		case pipeline.Refused:
			if ends[trace] = code(o); ends[trace] == "validation_error" {
				ends[trace] = o.Err.Error()
			}
		}
	}
}

// people are n rows of ext_id, email and firstname; those in bad have an address that HubSpot refuses.
func people(n int, bad ...int) []pipeline.Change {
	var rows []pipeline.Change
	for i := range n {
		email := fmt.Sprintf("P%d@Example.com", i)
		for _, b := range bad {
			if i == b {
				email = "nobody at all"
			}
		}
		rows = append(rows, change(fmt.Sprint(i), fmt.Sprintf("E-%d", i), email, fmt.Sprintf("Name %d", i)))
	}
	return rows
}
