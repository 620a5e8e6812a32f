package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// planFormat is the version of the format of saved plans.
const planFormat = 1

// A saved plan is lines of JSON: a planHead; of each pipeline a planPipeline, and then a planRow of each row that is written;
// and at last how many rows there are. No value of a row is in it.

// A planLine is any line but the first.
type planLine struct {
	planPipeline
	planRow
	Rows *int64 `json:"rows"` // that there are; in the last line only
}

type planHead struct {
	Format int       `json:"sluice_plan"`
	Made   time.Time `json:"made"`
}

type planPipeline struct {
	Name    string `json:"pipeline"`
	Account string `json:"account"`
	Config  string `json:"config"`
	Full    bool   `json:"full,omitempty"`
	Limit   int64  `json:"limit,omitempty"`
}

type planRow struct {
	Of      string `json:"of"` // the pipeline
	Key     string `json:"key"`
	Action  string `json:"action"`            // as of PlannedChange, or planNothing
	Content string `json:"content,omitempty"` // the hash of it; "" for a row that has left, or of which only links are written
	Version int64  `json:"version"`           // of the ledger, before
	Leaves  bool   `json:"leaves,omitempty"`
	Links   bool   `json:"links,omitempty"` // an earlier run has left them waiting; nothing else is written of the row
}

// A PlanWriter saves plans as they are made: of every row that is to be written its key, its content's hash, and the version
// that the ledger has of it. It may be used concurrently.
type PlanWriter struct {
	mu   sync.Mutex
	out  *bufio.Writer
	json *json.Encoder
	rows int64
}

// NewPlanWriter returns a writer for PlanOptions.Save. Close must be called for the plan to be whole.
func NewPlanWriter(w io.Writer, made time.Time) (*PlanWriter, error) {
	p := &PlanWriter{out: bufio.NewWriter(w)}
	p.json = json.NewEncoder(p.out)
	p.json.SetEscapeHTML(false)
	return p, p.json.Encode(planHead{Format: planFormat, Made: made.UTC().Truncate(time.Second)})
}

// Close writes the last line. It doesn't close what is written to.
func (w *PlanWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.json.Encode(map[string]int64{"rows": w.rows}), w.out.Flush())
}

// begin writes of which pipeline the plan is.
func (w *PlanWriter) begin(p *planPipeline) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.json.Encode(p)
}

func (w *PlanWriter) row(r *planRow) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows++
	return w.json.Encode(r)
}

// A SavedPlan is a plan that was read back.
type SavedPlan struct {
	Made      time.Time
	Pipelines []*PlannedRun // in the order of planning
}

// ReadPlan reads a saved plan. It keeps some dozens of bytes of every row that is to be written. One that isn't whole is refused.
func ReadPlan(r io.Reader) (*SavedPlan, error) {
	d := json.NewDecoder(bufio.NewReader(r))
	d.DisallowUnknownFields()
	var head planHead
	switch err := d.Decode(&head); {
	case err != nil:
		return nil, fmt.Errorf("this isn't a saved plan: %w", err)
	case head.Format != planFormat:
		return nil, fmt.Errorf("this plan is of format %d, and this program reads format %d: make a new plan", head.Format, planFormat)
	}
	plan := &SavedPlan{Made: head.Made}
	var rows int64
	for {
		var line planLine
		if err := d.Decode(&line); err != nil {
			return nil, fmt.Errorf("the plan is cut short or damaged after %d rows: %w: make a new plan", rows, err)
		}
		switch {
		case line.Rows != nil && *line.Rows != rows:
			return nil, fmt.Errorf("the plan has %d rows, but ends with the number %d: make a new plan", rows, *line.Rows)
		case line.Rows != nil && d.More():
			return nil, errors.New("something follows the end of the plan: make a new plan")
		case line.Rows != nil:
			return plan, nil
		case line.Name != "":
			plan.Pipelines = append(plan.Pipelines, newPlannedRun(&line.planPipeline))
			continue
		}
		rows++
		if err := plan.add(&line.planRow); err != nil {
			return nil, fmt.Errorf("row %d of the plan: %w", rows, err)
		}
	}
}

// add adds a row to the run of its pipeline.
func (s *SavedPlan) add(row *planRow) error {
	for _, p := range s.Pipelines {
		if p.Name == row.Of {
			return p.add(row)
		}
	}
	return fmt.Errorf("the plan isn't of pipeline %q", row.Of)
}

// saveDecision saves a decision on a row that has changed, or has left. The caller holds mu.
func (s *rehearsal) saveDecision(d *Decision) error {
	leaves := d.Verdict == Done && d.Hash == Hash{}
	idle := d.Action == 0 && len(d.Links) == 0 && !leaves
	if s.save == nil || d.Reject != nil || idle && (d.Verdict != Done || s.pipeline.Sink.Limits().LinksOnly) {
		return nil
	}
	row := planRow{Of: s.pipeline.Name, Key: d.Key, Version: d.Version - 1, Leaves: leaves, Action: PlanLink}
	if !leaves {
		row.Content = d.Hash.String()
	}
	switch {
	case idle:
		row.Action = planNothing
	case d.Action == Archive:
		row.Action = PlanArchive
	case leaves:
		row.Action = PlanUnlink
	case d.Action != 0 && d.Made:
		row.Action = PlanCreate
	case d.Action != 0:
		row.Action = PlanUpdate
	}
	return saved(s.save.row(&row))
}

// saveLinks saves the rows of links that an earlier run has left waiting, and that are to be written now.
func (s *rehearsal) saveLinks(ctx context.Context, outcomes []LinkOutcome) error {
	if s.save == nil {
		return nil
	}
	keys := s.newlyLinked(outcomes)
	entries, err := s.Known(ctx, s.pipeline.Name, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if err := s.save.row(&planRow{Of: s.pipeline.Name, Key: key, Version: entries[i].Version, Links: true, Action: PlanLink}); err != nil {
			return saved(err)
		}
	}
	return nil
}

// newlyLinked returns the keys of which nothing else is written, and whose links weren't looked at before.
func (s *rehearsal) newlyLinked(outcomes []LinkOutcome) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := map[string]bool{}
	for i := range outcomes {
		key := outcomes[i].Change.Key
		_, decided := s.written[keyHash(key)]
		if !decided && !here[key] && len(s.linked[key]) == 0 {
			keys = append(keys, key)
		}
		here[key] = true
	}
	return keys
}

func saved(err error) error {
	if err != nil {
		err = fmt.Errorf("save the plan: %w", err)
	}
	return err
}
