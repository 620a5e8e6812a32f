package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// TestARejectStaysOpenWhenAnotherRunReadsTheRest proves I2 over a pass of two processes: the second one doesn't see the
// rows before the checkpoint, so that it can't tell whether their rejects are still true.
func TestARejectStaysOpenWhenAnotherRunReadsTheRest(t *testing.T) {
	rows := [][3]string{{"a", "refused"}, {"b", "bad"}}
	for range 40 {
		rows = append(rows, [3]string{"k" + string(rune('0'+len(rows))), "name"})
	}
	store := model.New()
	crm := newModelCRM(1, store)
	if _, err := openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{Limit: 20}); err != nil {
		t.Fatal(err)
	}
	if len(store.Letters(false)) != 2 || store.Position() == nil {
		t.Fatalf("the first part left %d rejects and checkpoint %q", len(store.Letters(false)), store.Position())
	}
	if _, err := openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	if len(store.Letters(false)) != 2 || store.Position() != nil {
		t.Errorf("the second part left %d rejects and checkpoint %q, want 2 and none", len(store.Letters(false)), store.Position())
	}
	if _, err := openModel(t, rows[2:], crm).Run(context.Background(), store, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	if len(store.Letters(false)) != 0 {
		t.Errorf("a pass that read all rows left %d rejects of rows that are gone", len(store.Letters(false)))
	}
}

// TestALimitBeyondTheLastRowEndsThePass proves that the checkpoint of a pass that came to its end is dropped, so that the
// next run looks at every row again.
func TestALimitBeyondTheLastRowEndsThePass(t *testing.T) {
	store := model.New()
	crm := newModelCRM(1, store)
	rows := [][3]string{{"a", "x"}, {"b", "x"}}
	for _, limit := range []int64{100, 0} {
		report, err := openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{Limit: limit})
		if err != nil || report.Read != 2 || store.Position() != nil {
			t.Errorf("limit %d: read %d rows and left the checkpoint %q: %v", limit, report.Read, store.Position(), err)
		}
	}
}

// TestDrainStopsReadingAndKeepsWhatWasRead proves that a drained run commits every row that it has read, reads no more,
// and that the next one goes on behind them.
func TestDrainStopsReadingAndKeepsWhatWasRead(t *testing.T) {
	var rows [][3]string
	for i := range 95 {
		rows = append(rows, [3]string{string(rune('A'+i/26)) + string(rune('a'+i%26)), "name"})
	}
	store := model.New()
	crm := newModelCRM(1, store)
	drain := make(chan struct{})
	opts := pipeline.Options{Drain: drain, Observe: func(r pipeline.Report) {
		if r.Read == 30 {
			close(drain)
		}
	}}
	report, err := openModel(t, rows, crm).Run(context.Background(), store, opts)
	if !errors.Is(err, pipeline.ErrInterrupted) || report.Read != 30 || report.Written != 30 || report.Status != "interrupted" {
		t.Errorf("the drained run: %+v, %v", report, err)
	}
	if string(store.Position()) != "30" || len(store.Open()) > 0 {
		t.Errorf("the drained run left the checkpoint %q and %d open groups", store.Position(), len(store.Open()))
	}
	report, err = openModel(t, rows, crm).Run(context.Background(), store, pipeline.Options{})
	if err != nil || report.Read != 65 || len(crm.records) != 95 {
		t.Errorf("the next run: %+v, %v; %d records", report, err, len(crm.records))
	}
}

// A heldStore's lease is another run's, of which nothing was heard for a while: whether it is alive isn't clear for a minute.
type heldStore struct{ *auditStore }

func (heldStore) Start(ctx context.Context, _ pipeline.Begin) (pipeline.Resume, error) {
	select {
	case <-time.After(time.Minute):
		return pipeline.Resume{}, &pipeline.HeldError{Pipeline: "p"}
	case <-ctx.Done():
		return pipeline.Resume{}, fmt.Errorf("start run: %w", ctx.Err())
	}
}

func (s heldStore) StartReconcile(ctx context.Context, b pipeline.Begin) (pipeline.Resume, string, error) {
	r, err := s.Start(ctx, b)
	return r, "", err
}

// TestDrainEndsTheWaitForALease proves that what waits for a pipeline's lease stops when it is asked to: nothing of it is in
// flight.
func TestDrainEndsTheWaitForALease(t *testing.T) {
	for name, begin := range map[string]func(*pipeline.Pipeline, heldStore, pipeline.Options) (string, error){
		"run": func(p *pipeline.Pipeline, s heldStore, opts pipeline.Options) (string, error) {
			report, err := p.Run(context.Background(), s, opts)
			return report.Status, err
		},
		"repair": func(p *pipeline.Pipeline, s heldStore, opts pipeline.Options) (string, error) {
			audit, err := p.Verify(context.Background(), s, pipeline.VerifyOptions{Options: opts, Repair: true})
			return audit.Status, err
		},
		"reconcile": func(p *pipeline.Pipeline, s heldStore, opts pipeline.Options) (string, error) {
			result, err := p.Reconcile(context.Background(), s, pipeline.ReconcileOptions{Options: opts})
			return result.Status, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, drain, began := newStock(t, four...), make(chan struct{}), time.Now()
				time.AfterFunc(time.Second, func() { close(drain) })
				status, err := begin(s.p, heldStore{s.store}, pipeline.Options{Drain: drain})
				if took := time.Since(began); !errors.Is(err, pipeline.ErrInterrupted) || status != "interrupted" || took != time.Second {
					t.Errorf("ended as %q after %s: %v", status, took, err)
				}
			})
		})
	}
}
