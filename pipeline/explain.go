package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// ExplainOptions are the choices of one explanation.
type ExplainOptions struct {
	Options
	Live bool // read what the destination has of the record now
}

// rowsExplained is how many rows of one key are shown.
const rowsExplained = 20

// Explain tells what is known of one key: its rows in the source, what each transform makes of them, what the ledger has,
// and what the next run does with it, and why. The source is read to its end, since the last row of a key is the one that
// counts. It takes no lease and writes nothing, and may go on beside a run.
//
// The rows go through the same stages as in a run, up to the write itself: where those ask the destination, such as for the
// record of a link, so does this. It returns an *AccountError if the state belongs to another account, and ErrInterrupted
// after a drain. A nil store stands for a state on which nothing has run yet.
func (p *Pipeline) Explain(ctx context.Context, store Rememberer, key string, opts ExplainOptions) (Explanation, error) {
	if store == nil {
		store = blank{}
	}
	a, err := p.newAudit(ctx, store, opts.Options)
	if err == nil {
		err = a.sameAccount(ctx)
	}
	if err != nil {
		return Explanation{}, err
	}
	x := &explaining{audit: a, store: store, Explanation: Explanation{
		Pipeline: p.Name, Key: key, Rows: []ExplainedRow{}, Payload: []ExplainedValue{}, Changes: []FieldChange{}, Links: []ExplainedLink{},
		Rejects: []DeadLetter{}, Attempts: []ExplainedAttempt{},
	}}
	err = x.explain(ctx, opts.Live)
	return x.Explanation, err
}

// explaining is one key on its way through Explain.
type explaining struct {
	*audit
	Explanation
	store  Rememberer
	memory Memory
	row    *item    // that counts; nil if none is left after the transforms
	change *pending // that the row makes; nil if there is no row
	// relinks says that the row asks for links that are neither there nor waiting, or for fewer.
	relinks bool
	near    []string // keys that look like the one that is asked for
}

func (x *explaining) explain(ctx context.Context, live bool) error {
	known, err := x.store.Remember(ctx, x.Name, x.Key)
	if err != nil {
		return err
	}
	if err := x.scan(ctx, known.Version == 0); err != nil {
		return err
	}
	if x.memory, err = x.store.Remember(ctx, x.Name, x.Key); err != nil { // after the reading: a run may go on beside it
		return err
	}
	x.tellLedger()
	if err := x.decideKey(ctx); err != nil {
		return err
	}
	x.tellDoubts()
	if live {
		err = x.readRecord(ctx)
	}
	if err == nil && x.Decision == ExplainUnknown {
		err = x.suggest(ctx)
	}
	return err
}

// scan reads the source, and takes the rows of the key through the transforms.
func (x *explaining) scan(ctx context.Context, suggest bool) error {
	for batch, err := range x.batches(ctx) {
		if err != nil {
			return err
		}
		x.books.report.Read += int64(len(batch.Rows) + len(batch.Rejects))
		for i := range batch.Rejects {
			x.unreadable(&batch.Rejects[i])
		}
		rows := x.keyed(batch.Rows)
		x.Unreadable += int64(len(x.books.notes.rejects)) // those without a key
		x.books.notes = notes{}
		var keys []string
		for _, row := range rows {
			if suggest {
				keys = append(keys, row.Key)
			}
			if row.Key == x.Key {
				if err := x.trace(ctx, row); err != nil {
					return err
				}
			}
		}
		x.resembles(keys)
		x.observe()
	}
	x.Read = x.books.report.Read
	return x.failed()
}

// unreadable notes a row that the source could not read.
func (x *explaining) unreadable(reject *Reject) {
	switch reject.Key {
	case "":
		x.Unreadable++
	case x.Key:
		x.addRow(ExplainedRow{Place: reject.Place.String(), Outcome: RowRejected, Columns: []ExplainedValue{}, Stages: []ExplainedStage{rejected(reject)}})
	}
}

func rejected(reject *Reject) ExplainedStage {
	return ExplainedStage{Stage: reject.Stage, Result: "rejected", Code: reject.Code, Reason: reject.Err.Error()}
}

// addRow adds a row of the key.
func (x *explaining) addRow(row ExplainedRow) {
	if len(x.Rows) == rowsExplained {
		x.Rows = slices.Delete(x.Rows, 0, 1)
		x.MoreRows++
	}
	x.Rows = append(x.Rows, row)
}

// trace takes one row through the transforms, and keeps what each of them makes of it.
func (x *explaining) trace(ctx context.Context, row Row) error {
	detach(row.Values) // what is told of them outlives the batch
	schema := x.Source.Schema()
	told := ExplainedRow{Place: row.Place.String(), Outcome: RowCounts, Columns: cells(schema, row.Values, 0), Stages: []ExplainedStage{}}
	rows := []Row{row}
	x.roomy(rows)
	for i, t := range x.Transforms {
		stage := ExplainedStage{Stage: stageName(t), Result: "filtered"}
		var err error
		rows, err = apply(ctx, t, rows, func(reject Reject) { stage = rejected(&reject) })
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			told.Outcome = stage.Result
			told.Stages = append(told.Stages, stage)
			break
		}
		if row = rows[0]; i == len(x.Transforms)-1 {
			x.copy(row.Values)
		}
		stage.Result, stage.Added = "kept", cells(t.Schema(), row.Values, len(schema.Fields))
		schema = t.Schema()
		told.Stages = append(told.Stages, stage)
	}
	if told.Outcome == RowCounts {
		for i := range x.Rows {
			if x.Rows[i].Outcome == RowCounts {
				x.Rows[i].Outcome = RowSuperseded
			}
		}
		row.Values = slices.Clone(row.Values) // they are the source's, and the transforms'
		x.row = &item{Row: row, span: &span{}, hash: x.layout.hash(row.Values)}
	}
	x.addRow(told)
	return nil
}

// cells returns the values from a place on by the names of their fields.
func cells(s *Schema, values []Value, from int) []ExplainedValue {
	list := make([]ExplainedValue, 0, len(values)-from)
	for i := from; i < len(values); i++ {
		list = append(list, cell(s.Fields[i].Name, values[i]))
	}
	return list
}

func cell(name string, v Value) ExplainedValue {
	if v.IsNull() {
		return ExplainedValue{Name: name}
	}
	text := v.String()
	return ExplainedValue{Name: name, Value: &text}
}

// resembles keeps the key that is most like the one that is asked for.
func (x *explaining) resembles(keys []string) {
	if near := Nearest(x.Key, keys); near != "" && !slices.Contains(x.near, near) {
		x.near = append(x.near, near)
	}
}

// suggest names keys that may have been meant: of the source, of the ledger, or of the record whose id was given.
func (x *explaining) suggest(ctx context.Context) error {
	err := x.pages(ctx, func(_ context.Context, page []KeyedEntry) error {
		keys := make([]string, len(page))
		for i := range page {
			keys[i] = page[i].Key
		}
		x.resembles(keys)
		return nil
	})
	if err != nil {
		return err
	}
	const most = 3
	x.Nearest = ByNearness(x.Key, x.near)
	x.Nearest = x.Nearest[:min(most, len(x.Nearest))]
	owners, err := x.store.Owners(ctx, x.Name, []string{x.Key})
	if err != nil {
		return fmt.Errorf("look for a record of that id: %w", err)
	}
	if owner := owners[x.Key]; owner != "" {
		x.Advice = fmt.Sprintf("%s is the id of a record: its row has the key %q", x.Key, owner)
	}
	return nil
}
