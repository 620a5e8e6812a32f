package postgres

import (
	"encoding/json"
	"fmt"

	"sluice/pipeline"
)

// The phases of a pass over the rows, in order. A phase that can have no rows is left out.
const (
	keyedPhase  = "rows"        // rows that have a key and, if there is one, a cursor
	unsetPhase  = "null cursor" // rows that have a key, but no cursor
	orphanPhase = "null key"    // rows that can't be told apart: rejects
	donePhase   = "done"        // the pass is complete; the next one goes on at the highest cursor
)

// A position says how far a pass has come.
type position struct {
	Columns string   `json:"columns"`         // the columns of the tuples, with their types
	Phase   string   `json:"phase"`           // one of the phases
	After   []string `json:"after,omitempty"` // the last tuple read in the phase, as Postgres writes it
	Began   string   `json:"began,omitempty"` // when the pass began, by the database's clock
	High    *string  `json:"high,omitempty"`  // the highest cursor that any pass has read
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
		return p, fmt.Errorf("%s: %w: it was read by (%s), now by (%s)", s.name, pipeline.ErrStalePosition, p.Columns, fresh.Columns)
	}
	widths := map[string]int{keyedPhase: len(s.order), unsetPhase: len(s.key), orphanPhase: 0, donePhase: 0}
	width, ok := widths[p.Phase]
	if !ok || len(p.After) != 0 && len(p.After) != width || p.Phase == donePhase && s.cursor < 0 {
		return p, fmt.Errorf("%s: %w: phase %.20q after %d values", s.name, pipeline.ErrStalePosition, p.Phase, len(p.After))
	}
	if p.Phase == donePhase {
		p.Phase, p.After = keyedPhase, nil
	}
	return p, nil
}
