package pipeline

import (
	"context"
	"fmt"
)

// A BehindError says that a state may not know all that a pipeline has written: it was put back from a backup, copied, or
// taken over from a server that had not heard of everything. Nothing must be written before it is reconciled: rows would
// be made twice, and what was written since would be taken for what the ledger says.
type BehindError struct {
	Pipeline string
	Why      string // what was noticed
}

// Error names the pipeline, what was noticed, and what to do.
func (e *BehindError) Error() string {
	return fmt.Sprintf("the state may be behind what pipeline %q has written: %s; nothing more was written: run `sluice reconcile %s` first, which reads back what the destination has",
		e.Pipeline, e.Why, e.Pipeline)
}

// A Reconciler is a Store that notices that it may be behind the destination: its Start returns a *BehindError then.
type Reconciler interface {
	Store

	// StartReconcile is Start for a run that writes nothing to the destination, on a state that may be behind. It stays so
	// until Reconciled, whatever the run commits; why is what was noticed, "" if nothing was.
	StartReconcile(ctx context.Context, b Begin) (r Resume, why string, err error)

	// Reconciled says that the pipeline's ledger now agrees with the destination, or that somebody answers for it: runs
	// may start again.
	Reconciled(ctx context.Context, pipeline string, epoch int64) error
}
