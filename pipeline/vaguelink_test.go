package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A vagueSink is a destination that doesn't say what became of the links of some rows.
type vagueSink struct {
	*modelCRM
	vague func(key string) bool
}

func (s *vagueSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}

func (s *vagueSink) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	outcomes, err := s.modelCRM.Link(ctx, links, intend)
	return slices.DeleteFunc(outcomes, func(o pipeline.LinkOutcome) bool { return s.vague(o.Change.Key) }), err
}

// TestALinkWithoutAnswersBlocksNoOther proves that a link of which no answer says what became keeps none from being made, that
// it stays on the list and the run ends by naming it, and that the run ends at once where that is the case with many.
func TestALinkWithoutAnswersBlocksNoOther(t *testing.T) {
	rows := manyRows(200)
	for i := range rows[1:] {
		rows[i+1][2] = rows[0][0]
	}
	for name, test := range map[string]struct {
		vague  func(key string) bool
		linked int64
	}{
		"first": {func(key string) bool { return key == "k0001" }, 198},
		"last":  {func(key string) bool { return key == "k0199" }, 198},
		"all":   {func(string) bool { return true }, 0},
	} {
		bubble(t, func(t *testing.T) {
			store := model.New()
			sink := &vagueSink{newModelCRM(1, store), test.vague}
			sink.limits.Rows, sink.limits.Links = 50, 20
			report, err := openSink(t, rows, sink).Run(context.Background(), store, pipeline.Options{})
			if err == nil || !strings.Contains(err.Error(), "no answer says what became of") || report.Linked != test.linked || report.Written != 200 {
				t.Errorf("%s: %+v, %v", name, report, err)
			}
			sink.vague = func(string) bool { return false }
			report, err = openSink(t, rows, sink).Run(context.Background(), store, pipeline.Options{})
			if err != nil || report.Linked != 199-test.linked || report.Parked != 0 {
				t.Errorf("%s, afterwards: %+v, %v", name, report, err)
			}
		})
	}
}
