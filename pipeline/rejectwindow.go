package pipeline

import "fmt"

// A rejectWindow remembers which of the last 1,000 rows were rejected, so that a wrong mapping stops after hundreds of
// rows, not after millions.
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
	at := w.n % len(w.last)
	if w.last[at] {
		w.rejected--
	}
	if w.last[at] = rejected; rejected {
		w.rejected++
	}
	w.n++
	const enough = 200 // fewer rows say little
	rows := min(w.n, len(w.last))
	if r.limits.MaxRejects > 0 && rows >= enough && float64(w.rejected) > r.limits.MaxRejects*float64(rows) && r.failure == nil {
		r.failure = fmt.Errorf("%d of the last %d rows were rejected, more than max_rejects allows (%g%%): look at them with `sluice rejects list --pipeline %s`",
			w.rejected, rows, r.limits.MaxRejects*100, r.Name)
	}
}
