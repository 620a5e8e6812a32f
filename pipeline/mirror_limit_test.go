package pipeline_test

import (
	"context"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// TestAMirrorOfAPartUnlinksNothing proves that a run which was told to stop after some rows takes no link back: it can't
// know what the rows that it hasn't read say.
func TestAMirrorOfAPartUnlinksNothing(t *testing.T) {
	rows := plainPairs(20)
	store, crm := model.New(), newModelPairs(1)
	clear(crm.pairs)
	clear(crm.absent)
	for _, limit := range []int64{0, 5} {
		report, err := openPairs(t, rows, crm).Run(context.Background(), store, pipeline.Options{Limit: limit})
		if err != nil || report.Unlinked != 0 || len(crm.pairs) != 20 {
			t.Errorf("limit %d: %d links were taken back, %d are left: %v", limit, report.Unlinked, len(crm.pairs), err)
		}
	}
}
