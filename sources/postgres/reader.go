package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/pipeline"
)

// pageBytes is about what a page may hold in memory; where rows are wide, pages have fewer of them.
const pageBytes = 16 << 20

// A reader is one pass over the rows.
type reader struct {
	*source
	at    position
	since *since // where an incremental pass begins; nil: at the first row
	limit int    // rows of the next page

	resumed bool // no page has been read since the position was made

	page         // the last one that was taken over
	ready   int  // rows in it, without the one that only tells whether there are more
	more    bool // rows are left in the phase
	next    int  // the first row of the page that hasn't been passed on
	values  []pipeline.Value
	batched []pipeline.Row
	cells   []cell
	before  []cell // the tuple of the row before
}

func (s *source) reader(ctx context.Context, from pipeline.Position) (*reader, error) {
	at, err := s.decode(from)
	if err != nil {
		return nil, err
	}
	r := &reader{source: s, at: at, resumed: from != nil, limit: min(s.most, pipeline.BatchRows), cells: make([]cell, len(s.columns))}
	r.values = make([]pipeline.Value, min(s.most, pipeline.BatchRows)*max(s.room, len(s.columns)))
	if s.cursor >= 0 && at.Phase == keyedPhase && at.After == nil {
		r.since, err = s.enter(ctx, &r.at)
	}
	return r, err
}

// turn takes over the next page of the phase, or enters the next phase if there is none.
func (r *reader) turn(ctx context.Context) error {
	if r.page.rows() > 0 && !r.more {
		r.enterNext()
		return nil
	}
	st := r.pageStatement(r.at, r.since, r.limit+1)
	err := r.fetch(ctx, st, &r.page)
	if err != nil && r.resumed && outdated(err) {
		return fmt.Errorf("read %s: %w: %s", r.name, pipeline.ErrStalePosition, plain(err))
	}
	if err != nil {
		return r.stopped(err, r.at.After)
	}
	r.resumed = false
	r.next, r.ready, r.more, r.before = 0, min(r.page.rows(), r.limit), r.page.rows() > r.limit, nil
	if r.ready == 0 {
		r.enterNext()
		return nil
	}
	r.limit = min(r.most, max(1, pageBytes/(len(r.buf)/r.page.rows()+1)))
	if r.more && r.at.Phase == orphanPhase {
		return fmt.Errorf("read %s: more than %d rows have no key: %s is null; name a key that every row has", r.name, r.ready, r.names(r.key, " or "))
	}
	return nil
}

// enterNext enters the next phase that can have rows.
func (r *reader) enterNext() {
	r.page.reset()
	r.ready, r.next, r.more, r.since, r.at.After = 0, 0, false, nil, nil
	switch {
	case r.at.Phase == keyedPhase && r.cursor >= 0 && !r.at.Whole && r.columns[r.cursor].nullable:
		r.at.Phase = unsetPhase
	case r.at.Phase != orphanPhase && r.anyNullable(r.key):
		r.at.Phase = orphanPhase
	default:
		r.at.Phase = donePhase
	}
}

// batch decodes the next rows of the page. All texts of a batch are views of the page.
func (r *reader) batch(ctx context.Context) (pipeline.Batch, error) {
	if err := ctx.Err(); err != nil {
		return pipeline.Batch{}, err
	}
	var b pipeline.Batch
	place, room := pipeline.Place{Name: r.name}, max(r.room, len(r.columns))
	end := min(r.next+pipeline.BatchRows, r.ready)
	r.batched = r.batched[:0]
	for ; r.next < end; r.next++ {
		if err := cut(r.row(r.next), r.cells); err != nil {
			return b, fmt.Errorf("read %s: %w", r.name, err)
		}
		at := len(r.batched) * room
		values := r.values[at : at+len(r.columns) : at+room]
		refused := r.decodeRow(values)
		if err := r.advance(); err != nil {
			return b, err
		}
		if refused != nil {
			rej := pipeline.Reject{Key: r.describeKey(), Place: place, Stage: "source", Code: refused.Code, Err: refused}
			if rej.Key == "" {
				rej.Place.Name = r.describePlace()
			}
			b.Rejects = append(b.Rejects, rej)
			continue
		}
		row := pipeline.Row{Place: place, Values: values}
		if r.keyless(values) {
			row.Place.Name = r.describePlace()
		}
		r.batched = append(r.batched, row)
	}
	b.Rows = r.batched
	if err := r.mark(); err != nil {
		return b, err
	}
	b.End = r.at.encode()
	if end == r.ready && r.more && r.at.Phase != orphanPhase {
		// The next page begins after this tuple, and would leave out another row that has it.
		if err := cut(r.row(end), r.cells); err != nil {
			return b, fmt.Errorf("read %s: %w", r.name, err)
		}
		return b, r.differs()
	}
	return b, nil
}

// advance keeps the tuple of the row in cells, and returns an error if the row before has the same.
func (r *reader) advance() error {
	if r.at.Phase == orphanPhase {
		return nil
	}
	if err := r.differs(); err != nil {
		return err
	}
	r.before = r.before[:0]
	for _, i := range r.tuple(&r.at) {
		r.before = append(r.before, r.cells[i])
	}
	return nil
}

// differs returns an error if the row in cells has the same tuple as the row before.
func (r *reader) differs() error {
	if len(r.before) == 0 {
		return nil
	}
	for i, column := range r.tuple(&r.at) {
		if r.cells[column] != r.before[i] {
			return nil
		}
	}
	return fmt.Errorf("read %s: the key (%s) isn't unique: several rows have %s; rows could be lost between pages, so add a column to the source's key that tells them apart",
		r.name, r.names(r.key, ", "), strings.Join(r.texts(r.before), ", "))
}

// mark moves the position behind the row before.
func (r *reader) mark() error {
	if r.at.Phase == orphanPhase {
		return nil
	}
	r.at.After = r.texts(r.before)
	for _, text := range r.at.After {
		if !utf8.ValidString(text) {
			return fmt.Errorf("read %s: the key has %s, which isn't UTF-8: there is no going on from there; mend it", r.name, pipeline.Quote(text))
		}
	}
	return nil
}

// texts returns a tuple as Postgres writes it.
func (r *reader) texts(tuple []cell) []string {
	texts := make([]string, len(tuple))
	for i, column := range r.tuple(&r.at) {
		texts[i] = r.columns[column].write(tuple[i].text)
	}
	return texts
}

// decodeRow decodes the row in cells into values.
func (r *reader) decodeRow(values []pipeline.Value) *pipeline.RowError {
	for i := range r.columns {
		c, one := &r.columns[i], &r.cells[i]
		switch {
		case one.null && slices.Contains(r.key, i):
			return reject("null_key", "column %q is null, but belongs to the key; rows without a key can't be told apart: fill it in, or leave such rows out with a query", c.name)
		case one.null:
			values[i] = pipeline.Value{}
			continue
		case c.plain && !r.unchecked:
			values[i] = pipeline.StringValue(one.text)
			continue
		}
		var err *pipeline.RowError
		if values[i], err = c.value(one.text); err == nil && r.unchecked {
			err = checkUTF8(values[i].Text())
		}
		if err != nil {
			err.Err = fmt.Errorf("column %q: %w", c.name, err.Err)
			return err
		}
	}
	return nil
}

// describeKey returns the key that the engine would give to the row in cells, or "" if a part of it is missing.
func (r *reader) describeKey() string {
	texts := make([]string, len(r.rowKey))
	for i, column := range r.rowKey {
		if r.cells[column].null {
			return ""
		}
		v, err := r.columns[column].value(r.cells[column].text)
		if err != nil {
			return ""
		}
		texts[i] = strings.Clone(v.String()) // a reject is kept
	}
	key, _ := pipeline.Key(texts...)
	return key
}

// keyless tells whether the engine will find no key in a row: a column of it is null or an empty text.
func (r *reader) keyless(values []pipeline.Value) bool {
	for _, column := range r.rowKey {
		if v := &values[column]; v.IsNull() || v.Type() == pipeline.String && v.Text() == "" {
			return true
		}
	}
	return false
}

// describePlace names the row in cells by what the table is paged by, for rows whose key doesn't tell which they are: by the
// name of the table alone they would all be one in the list of rejects.
func (r *reader) describePlace() string {
	texts := make([]string, len(r.key))
	for i, column := range r.key {
		c, one := &r.columns[column], &r.cells[column]
		if texts[i] = c.name + " null"; !one.null {
			texts[i] = c.name + " " + pipeline.Quote(c.write(one.text))
		}
	}
	return fmt.Sprintf("%s (%s)", r.name, strings.Join(texts, ", "))
}
