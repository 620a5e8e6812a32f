package pipeline_test

import (
	"context"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// dropping is a filter that lets no row pass.
type dropping struct{ schema *pipeline.Schema }

func (dropping) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	return dropping{in}, nil
}
func (d dropping) Schema() *pipeline.Schema { return d.schema }
func (dropping) Apply(context.Context, []pipeline.Row, func(pipeline.Row, error)) ([]pipeline.Row, error) {
	return nil, nil
}

// TestAMirrorOfNothingUnlinksNothing proves that neither an empty source nor a filter that drops all of its rows, such as a
// mistyped one, takes every link back; a source that has lost all of its rows but one does.
func TestAMirrorOfNothingUnlinksNothing(t *testing.T) {
	rows := plainPairs(20)
	for _, c := range []struct {
		name     string
		rows     [][3]string
		filtered bool
		unlinked int64
	}{
		{"empty", nil, false, 0},
		{"all filtered", rows, true, 0},
		{"one left", rows[:1], false, 19},
	} {
		store, crm := model.New(), newModelPairs(1)
		clear(crm.pairs)
		clear(crm.absent)
		if _, err := openPairs(t, rows, crm).Run(context.Background(), store, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		definition := pipeline.Definition{Name: "p", Key: []string{"id"}, Source: &sliceSource{rows: c.rows, batch: 10}, Sink: crm}
		if c.filtered {
			definition.Transforms = append(definition.Transforms, dropping{})
		}
		definition.Transforms = append(definition.Transforms, paired{})
		p, err := pipeline.Open(context.Background(), definition, pipeline.Env{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := p.Run(context.Background(), store, pipeline.Options{})
		if err != nil || report.Unlinked != c.unlinked || len(crm.pairs) != 20-int(c.unlinked) {
			t.Errorf("%s: %d links were taken back, %d are left: %v", c.name, report.Unlinked, len(crm.pairs), err)
		}
	}
}
