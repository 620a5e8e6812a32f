package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sluice/pipeline"
)

// A row is there to be read once its transaction has been committed, but its cursor is older: the time when the
// transaction began, or a number that it drew. So rows turn up behind cursors that were read before. None is missed,
// because a pass begins so far back that every transaction which was running when the pass before began is in it; the
// lag comes on top of that. It has to be enough by itself only where the database doesn't tell what is running.

// A horizon is what holds of the rows when a pass begins. Times are microseconds since 1970, by the database's clock.
type horizon struct {
	top    *string // the highest cursor; nil: there is none
	now    int64   // rows of transactions that begin later are not older than this
	oldest int64   // when the oldest of the running transactions began; now if none is running
	blind  string  // why running transactions may be missing from that; "" if none is
}

// runningQuery asks for the transactions that may still write. Those of other roles show no more than that they are
// there, unless the role may read them; those of the primary don't show on a standby.
const runningQuery = `
select (extract(epoch from min(xact_start)) * 1000000)::bigint::text, coalesce(bool_or(query = '<insufficient privilege>'), false), pg_catalog.pg_is_in_recovery()
from pg_catalog.pg_stat_activity
where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() and coalesce(backend_type, '') not in ('autovacuum worker', 'walsender')`

const clockMicros = "(extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint::text"

// horizon finds out what holds before the first page is read. The order is what makes it true: the highest cursor is of
// the statement's snapshot, and was there before the clock was read; what begins after that, and so doesn't show among
// what is running, is as young as the clock.
func (s *source) horizon(ctx context.Context) (h horizon, err error) {
	c := s.columns[s.cursor].ref()
	list, err := s.strings(ctx, "select "+clockMicros+", (select "+c+"::text from "+s.from+" where "+c+" is not null order by "+c+" desc limit 1)")
	if err != nil {
		return h, err
	}
	if top := list[0][1]; top != "" {
		h.top = &top
	}
	if h.now, err = strconv.ParseInt(list[0][0], 10, 64); err != nil {
		return h, fmt.Errorf("the database's clock: %w", err)
	}
	h.oldest, h.blind, err = s.running(ctx)
	if h.oldest == 0 || h.oldest > h.now {
		h.oldest = h.now
	}
	return h, err
}

// running returns when the oldest of the running transactions began, 0 if none is running, and why some may be missing.
func (s *source) running(ctx context.Context) (oldest int64, blind string, err error) {
	list, err := s.strings(ctx, runningQuery)
	if err != nil {
		return 0, "", err
	}
	began, hidden, standby := list[0][0], list[0][1] == "t", list[0][2] == "t"
	switch {
	case standby:
		blind = "the database is a standby, which doesn't show the transactions of its primary"
	case hidden:
		blind = fmt.Sprintf("role %q may not see the transactions of others: grant pg_read_all_stats to it", s.conn.role)
	}
	if began != "" {
		oldest, err = strconv.ParseInt(began, 10, 64)
	}
	return oldest, blind, err
}

// warnBlind says what is at stake where nothing but a short lag guards against late commits.
func (s *source) warnBlind(ctx context.Context) error {
	_, blind, err := s.running(ctx)
	if err == nil && blind != "" && s.lag <= defaultLag {
		s.log.Warn("rows of transactions that take longer than the lag may be missed: make lag longer than any of them, or read everything now and then with full_every",
			"source", s.name, "cursor", s.columns[s.cursor].name, "lag", s.lag, "reason", blind)
	}
	return err
}

// A mark says that transactions which begin after a time draw no lower cursor than High: a cursor that isn't a time goes
// back to one of these.
type mark struct {
	At   int64   `json:"at"`
	High *string `json:"high"` // nil: nothing was there
}

// maxMarks bounds the marks of a position, in case a transaction is left open for days.
const maxMarks = 64

// marked adds a mark for a pass that begins, and drops those that nothing that is running needs any more. The first
// mark that is left is where the next pass begins, if it is old enough.
func marked(marks []mark, h horizon, lag time.Duration) []mark {
	marks = append(marks, mark{At: h.now, High: h.top})
	needed := h.oldest - lag.Microseconds()
	for len(marks) > 1 && marks[1].At <= needed {
		marks = marks[1:]
	}
	if len(marks) > maxMarks {
		marks = append(marks[:maxMarks-1:maxMarks-1], marks[len(marks)-1])
	}
	return marks
}

// since is where an incremental pass begins: at value, but for times not after began; less the lag.
type since struct {
	value string
	began int64 // 0: exactly at value
	lag   time.Duration
}

// next returns where the pass after a complete one begins; nil: at the first row.
func (s *source) next(p *position) *since {
	switch {
	case p.Since != "":
		return &since{value: p.Since}
	case s.columns[s.cursor].clock() && p.High != nil:
		return &since{value: *p.High, began: p.Oldest, lag: s.lag}
	case !s.columns[s.cursor].clock() && len(p.Marks) > 0 && p.Marks[0].At <= p.Oldest-s.lag.Microseconds() && p.Marks[0].High != nil:
		return &since{value: *p.Marks[0].High}
	}
	return nil
}

// enter makes a position that of a new pass, and returns where it begins; nil: at the first row.
func (s *source) enter(ctx context.Context, p *position) (*since, error) {
	start := s.next(p)
	if p.Since != "" {
		return start, nil
	}
	h, err := s.horizon(ctx)
	if err != nil {
		return nil, s.stopped(err, nil)
	}
	if p.Oldest > h.now+s.lag.Microseconds() {
		return nil, fmt.Errorf("read %s: %w: by the database's clock it is %s, which is before the last run", s.name, pipeline.ErrStalePosition, writeMicros(h.now))
	}
	if h.now-h.oldest > s.lag.Microseconds() {
		s.log.Info("an open transaction keeps the cursor back: what is newer than it is read again by the next run",
			"source", s.name, "open for", time.Duration(h.now-h.oldest)*time.Microsecond)
	}
	p.Whole, p.High, p.Oldest = start == nil, h.top, h.oldest
	if !s.columns[s.cursor].clock() {
		p.Marks = marked(p.Marks, h, s.lag)
	}
	return start, nil
}

// Since returns the position from which rows are read whose cursor is not lower than what value says: for cursors that
// are times a date, an instant or how long ago, by the database's clock; for others a value of theirs.
func (s *source) Since(ctx context.Context, value string) (pipeline.Position, error) {
	if s.cursor < 0 {
		return nil, fmt.Errorf("%s is read without a cursor: there is nothing that tells what is newer", s.name)
	}
	c := s.columns[s.cursor]
	p := position{Columns: s.columnsOf(s.order), Phase: keyedPhase, Since: value}
	if !c.clock() {
		if _, ok := pipeline.ParseText(c.typ, value); !ok || value == "" {
			return nil, fmt.Errorf("%q doesn't fit the cursor %q: expected %s", value, c.name, pipeline.Expected(c.typ))
		}
		return p.encode(), nil
	}
	at, err := s.moment(ctx, value)
	if err != nil {
		return nil, fmt.Errorf("%q doesn't fit the cursor %q: %w", value, c.name, err)
	}
	p.Since = writeMicros(at.UnixMicro())
	return p.encode(), nil
}

// moment returns the time that a text says: a date, an instant, or how long ago.
func (s *source) moment(ctx context.Context, text string) (time.Time, error) {
	if v, ok := pipeline.ParseText(pipeline.Time, text); ok {
		return v.Time(), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	ago, err := pipeline.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("expected a date such as 2026-09-30, an instant such as 2026-09-30T12:00:00Z, or how long ago, such as 24h or 7d")
	}
	clock, err := s.strings(ctx, "select "+clockMicros)
	if err != nil {
		return time.Time{}, s.stopped(err, nil)
	}
	now, err := strconv.ParseInt(clock[0][0], 10, 64)
	return time.UnixMicro(now).Add(-ago), err
}

// writeMicros writes microseconds since 1970 as Postgres reads a time.
func writeMicros(micros int64) string { return writeTime(time.UnixMicro(micros), " 15:04:05.000000") }
