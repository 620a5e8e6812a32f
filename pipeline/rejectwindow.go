package pipeline

import (
	"fmt"
	"slices"
)

// A rejectWindow remembers which of the last 1,000 rows were rejected, so that a wrong mapping stops after hundreds of
// rows, not after millions. The run's mu guards it.
type rejectWindow struct {
	last     [1000]bool
	n        int
	rejected int
}

// accept judges rows that weren't rejected. The caller holds mu.
func (r *run) accept(rows int) {
	if w := &r.window; w.rejected == 0 {
		w.n += rows
		return
	}
	for range rows {
		r.judge(false)
	}
}

// judge adds a row to the reject window and stops the run if too many of the last rows were rejected. The caller holds mu.
func (r *run) judge(rejected bool) {
	w := &r.window
	w.add(rejected)
	if w.exceeds(r.limits.MaxRejects) && r.failure.first == nil {
		r.failure.first = fmt.Errorf("%d of the last %d rows were rejected, more than max_rejects allows (%g%%): look at them with `sluice rejects list --pipeline %s`",
			w.rejected, w.rows(), r.limits.MaxRejects*100, r.Name)
	}
}

// add adds a row.
func (w *rejectWindow) add(rejected bool) {
	at := w.n % len(w.last)
	if w.last[at] {
		w.rejected--
	}
	if w.last[at] = rejected; rejected {
		w.rejected++
	}
	w.n++
}

// forgive takes back that one of the rows was rejected: it is judged once more.
func (w *rejectWindow) forgive() {
	if at := slices.Index(w.last[:], true); at >= 0 {
		w.last[at] = false
		w.rejected--
	}
}

// rows returns how many rows are remembered.
func (w *rejectWindow) rows() int { return min(w.n, len(w.last)) }

// exceeds tells whether more than a share of the rows was rejected; a share of 0 is no bound.
func (w *rejectWindow) exceeds(share float64) bool {
	const enough = 200 // fewer rows say little
	rows := w.rows()
	return share > 0 && rows >= enough && float64(w.rejected) > share*float64(rows)
}
