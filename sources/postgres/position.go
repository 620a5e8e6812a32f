package postgres

import (
	"encoding/json"
	"fmt"

	"sluice/pipeline"
)

// The phases of a pass over the rows, in order. A phase that can have no rows is left out.
const (
	keyedPhase  = "rows"        // rows that have a key and, unless all are read, a cursor
	unsetPhase  = "null cursor" // rows that have a key, but no cursor
	orphanPhase = "null key"    // rows that can't be told apart: rejects
	donePhase   = "done"        // the pass is complete; the next one goes on at the cursor
)

// A position says how far a pass has come, and where the next one is to begin.
type position struct {
	Columns string   `json:"columns"`          // the columns of the tuples, with their types
	Phase   string   `json:"phase"`            // one of the phases
	Whole   bool     `json:"whole,omitempty"`  // with a cursor: the pass reads all rows, in the order of the key alone
	After   []string `json:"after,omitempty"`  // the last tuple read in the phase, as Postgres writes it
	High    *string  `json:"high,omitempty"`   // the highest cursor when the pass began
	Oldest  int64    `json:"oldest,omitempty"` // what ended before then was there when the pass began; see horizon
	Marks   []mark   `json:"marks,omitempty"`  // for a cursor that is no time
	Since   string   `json:"since,omitempty"`  // the pass begins exactly at this cursor
}

func (p position) encode() pipeline.Position {
	b, err := json.Marshal(p)
	if err != nil {
		panic("postgres: a position is made of strings only: " + err.Error())
	}
	return b
}

// decode returns the position that a pass begins or goes on at.
func (s *source) decode(from pipeline.Position) (position, error) {
	fresh := position{Columns: s.columnsOf(s.order), Phase: keyedPhase}
	if from == nil {
		return fresh, nil
	}
	var p position
	if err := json.Unmarshal(from, &p); err != nil {
		return p, fmt.Errorf("%s: %w: %w", s.name, pipeline.ErrStalePosition, err)
	}
	if p.Columns != fresh.Columns {
		was, now := untyped(p.Columns), untyped(fresh.Columns)
		if was == now {
			return p, fmt.Errorf("%s: %w: a column of (%s) is of another type than it was", s.name, pipeline.ErrStalePosition, now)
		}
		return p, fmt.Errorf("%s: %w: it was read by (%s), now by (%s)", s.name, pipeline.ErrStalePosition, was, now)
	}
	widths := map[string]int{keyedPhase: len(s.tuple(&p)), unsetPhase: len(s.key), orphanPhase: 0, donePhase: 0}
	width, ok := widths[p.Phase]
	if !ok || len(p.After) != 0 && len(p.After) != width || p.Phase == donePhase && s.cursor < 0 || s.cursor >= 0 && p.Oldest <= 0 && p.Since == "" {
		return p, fmt.Errorf("%s: %w: phase %.20q after %d values", s.name, pipeline.ErrStalePosition, p.Phase, len(p.After))
	}
	if p.Phase == donePhase {
		p.Phase, p.After = keyedPhase, nil
	}
	return p, nil
}

// tuple returns the columns by which the rows of the position's phase are paged. With a cursor, a pass over all rows
// goes by the key alone: no row can move behind what was read already, so that one which isn't read isn't there.
func (s *source) tuple(p *position) []int {
	if p.Phase == keyedPhase && !p.Whole {
		return s.order
	}
	return s.key
}
