package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

// A Row is one record on its way from the source to the destination.
//
// Values, and the texts in them, belong to the stage that made them and are valid until the source is asked for its next
// batch: a source may use their memory again. What is kept longer is detached.
type Row struct {
	Key    string // the row's identity within its pipeline; set by the engine from the key columns
	Place  Place
	Values []Value // one for each field of the stage's schema
}

// own completes the values of a row that has gone through all transforms, and makes them valid for ever.
func (p *Pipeline) own(values []Value) {
	p.copy(values)
	detach(values)
}

// copy makes the copies that the last transform has left out.
func (p *Pipeline) copy(values []Value) {
	for _, c := range p.copies {
		values[c.Field] = values[c.Of]
	}
}

// detach moves the texts of values into one of their own, which stays valid for ever.
func detach(values []Value) {
	size := 0
	for i := range values {
		size += len(values[i].Text())
	}
	var texts strings.Builder
	texts.Grow(size)
	for i := range values {
		if v := &values[i]; v.typ.isText() {
			at := texts.Len()
			texts.WriteString(v.Text())
			*v = textValue(v.typ, texts.String()[at:])
		}
	}
}

// A Place is where a person finds a row: a line of a file, or a key of a table.
type Place struct {
	Name string // file or table, as the user wrote it
	Line int64  // line of a CSV file, row of a Parquet file, counted from 1; 0 where the key tells
}

// String returns "name:line", or the name alone.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Name
	}
	return fmt.Sprintf("%s:%d", p.Name, p.Line)
}

// A Position says how far a source has been read. Only the source that made it reads it; nil is the start.
type Position []byte

// A Batch is a run of consecutive rows. A source fills about BatchRows of them.
type Batch struct {
	Rows    []Row    // valid until the next batch is asked for
	Rejects []Reject // rows that the source could not read
	End     Position // reading from here goes on after the last row of the batch
}

// BatchRows is the number of rows that a source should put into a batch.
const BatchRows = 1024

// A Reject is a row that can't be written, and why.
type Reject struct {
	Key   string // "" where the row couldn't be read far enough to know it
	Place Place
	Stage string // "source", "key", a transform's name, "resolve", "plan", StageSink or StageLink
	Code  string // stable snake_case, such as "bad_date"; groups rejects in reports
	Err   error  // for the person who has to act

	Answer Answer // of the destination, where it was that which refused
}

// A RowError is the reason why a stage refuses one row, with a code that groups such reasons.
type RowError struct {
	Code string
	Err  error
}

// Error returns the reason's text.
func (e *RowError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RowError) Unwrap() error { return e.Err }

// Rejectf returns a RowError.
func Rejectf(code, format string, args ...any) error {
	return &RowError{Code: code, Err: fmt.Errorf(format, args...)}
}

// rejectCode returns the code of the RowError in err, or "refused".
func rejectCode(err error) string {
	if e, ok := errors.AsType[*RowError](err); ok {
		return e.Code
	}
	return "refused"
}
