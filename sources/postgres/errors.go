package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline"
)

// Errors of Postgres that have an answer of their own.
const (
	undefinedTable   = "42P01"
	undefinedSchema  = "3F000"
	noPrivilege      = "42501"
	brokenProtocol   = "08P01" // most errors of PgBouncer have it
	noOrdering       = "42883"
	noCollation      = "42P22"
	queryCanceled    = "57014"
	invalidText      = "22P02"
	numberOutOfRange = "22003"
	dateOutOfRange   = "22008"
	invalidBytes     = "22021"
	invalidDateText  = "22007"
)

// refused explains an error of Open, as one of the option that has to change.
func (s *source) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fieldError("connection", "see that Postgres runs and can be reached", "read %s: %s", s.name, plain(err))
	}
	switch e.Code {
	case undefinedTable, undefinedSchema:
		return fieldError(s.option, s.tables(ctx, e.Message), "%s", e.Message)
	case noPrivilege:
		return fieldError(s.option, s.grant(e), "role %q may not read %s: %s", s.conn.role, s.name, e.Message)
	case brokenProtocol:
		if withoutTransactions(err) {
			return fieldError("connection", "use its transaction or session mode, or connect to Postgres itself",
				"the connection pooler is in statement mode, which has no transactions: %s", plain(err))
		}
	case noOrdering, noCollation:
		return fieldError("key", "name columns that have an order, such as numbers, texts and times", "%s", e.Message)
	}
	return fieldError(s.option, e.Hint, "%s", plain(e))
}

// stopped explains an error of reading, after the given tuple.
func (s *source) stopped(err error, after []string) error {
	where := "read " + s.name
	if len(after) > 0 {
		where += " after key " + strings.Join(after, ", ")
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && poolerTimedOut(e):
		return fmt.Errorf("%s: a page took longer than the connection pooler lets a statement take: %s; make an index on (%s), set a smaller page, or give the pooler a longer query_timeout",
			where, plain(err), s.names(s.order, ", "))
	case !ok || lost(err):
		return fmt.Errorf("%s: %s; tried %d times; see that Postgres runs, and run again: the run goes on there", where, plain(err), attempts)
	case e.Code == noPrivilege:
		return fmt.Errorf("%s: role %q may not: %s; %s", where, s.conn.role, e.Message, s.grant(e))
	case e.Code == queryCanceled && strings.Contains(e.Message, "statement timeout"):
		return fmt.Errorf("%s: a page took longer than %v; make an index on (%s), or set a smaller page or a longer timeout, unless a lock on the table was what took so long", where, s.timeout, s.names(s.order, ", "))
	case strings.HasPrefix(e.Code, "42"): // names and types, which were right when the source was opened
		return fmt.Errorf("%s: %s; that wasn't so when the run began: what is read was altered meanwhile; run again", where, plain(e))
	case serversOwn(e):
		return fmt.Errorf("%s: %s; this is a limit of the server, the database or role %q, or their state, and no row's: see to it, or set a smaller page, and run again: the run goes on there",
			where, plain(err), s.conn.role)
	}
	return fmt.Errorf("%s: %s; one of the rows that follow can't be read this way: mend it or the query, and run again", where, withoutValues(e))
}

// serversOwn tells whether an error is of resources, operators or the server's own, and would come with any row.
func serversOwn(e *pgconn.PgError) bool {
	return slices.Contains([]string{"25", "53", "55", "57", "58", "XX"}, e.Code[:min(2, len(e.Code))])
}

// withoutValues returns what plain does, without what Postgres quotes of a row: an error that ends a run gets into logs.
func withoutValues(e *pgconn.PgError) string {
	bare := *e
	switch e.Code[:min(2, len(e.Code))] {
	case "22", "23", "P0": // what a value is refused with, by Postgres, a constraint or a function
		bare.Detail = ""
		if first, last := strings.Index(e.Message, `"`), strings.LastIndex(e.Message, `"`); first < last {
			bare.Message = e.Message[:first] + `"…"` + e.Message[last+1:]
		}
	}
	return plain(&bare)
}

// withoutTransactions tells whether an error is PgBouncer's refusal to begin a transaction in statement mode.
func withoutTransactions(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && strings.Contains(e.Message, "statement pooling mode")
}

// poolerTimedOut tells whether an error is PgBouncer's word on a statement that took longer than its query_timeout. Postgres goes on
// with that: who repeats it soon has several of them running.
func poolerTimedOut(e *pgconn.PgError) bool {
	return e.Code == brokenProtocol && e.Message == "query timeout"
}

// outdated tells whether a position's values are no longer values of their columns' types, such as a label that an
// enum has no more. A row that is read for the first time may be to blame just as well: it will be met again.
func outdated(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{invalidText, invalidDateText, numberOutOfRange, dateOutOfRange, invalidBytes}, e.Code)
}

// tablesInHint asks for the tables and views that there are, of which a hint names no more than namedTables.
const (
	tablesInHint = "select format('%I.%I', schemaname, relname) from (select schemaname, tablename as relname from pg_catalog.pg_tables union all" +
		" select schemaname, viewname from pg_catalog.pg_views) t where schemaname not in ('pg_catalog', 'information_schema') order by 1 limit 1000"
	namedTables = 20
)

// tables names what there is to read instead of what the message says isn't there.
func (s *source) tables(ctx context.Context, message string) string {
	rows, err := s.strings(ctx, tablesInHint)
	if err != nil || len(rows) == 0 {
		return "there are no tables in this database; is it the right one?"
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0]
	}
	_, missing, _ := strings.Cut(message, `"`)
	missing, _, _ = strings.Cut(missing, `"`)
	if near := nearestTable(missing, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if more := len(names) - namedTables; more > 0 {
		return fmt.Sprintf("there are %s and %d more", strings.Join(names[:namedTables], ", "), more)
	}
	return "there are " + strings.Join(names, ", ")
}

// nearestTable returns the one of the names, each with its schema, that is most like the one that isn't there, which may
// have none; "" if none is.
func nearestTable(missing string, names []string) string {
	if near := pipeline.Nearest(missing, names); near != "" {
		return near
	}
	bare := make([]string, len(names))
	for i, name := range names {
		_, bare[i], _ = strings.Cut(name, ".")
	}
	near := missing
	if !slices.Contains(bare, missing) {
		near = pipeline.Nearest(missing, bare)
	}
	if i := slices.Index(bare, near); i >= 0 {
		return names[i]
	}
	return ""
}

// grant returns the statement that would let the role read.
func (s *source) grant(e *pgconn.PgError) string {
	role := pgx.Identifier{s.conn.role}.Sanitize()
	if schema, ok := strings.CutPrefix(e.Message, "permission denied for schema "); ok {
		return fmt.Sprintf("run as its owner: grant usage on schema %s to %s", pgx.Identifier{schema}.Sanitize(), role)
	}
	if s.option == "table" {
		return fmt.Sprintf("run as its owner: grant select on %s to %s", strings.TrimSuffix(s.from, " as t"), role)
	}
	_, what, _ := strings.Cut(e.Message, " for ")
	_, name, _ := strings.Cut(what, " ")
	return fmt.Sprintf("run as its owner: grant select on %s to %s", name, role)
}

// plain returns an error's text in one line, with what Postgres says to its help.
func plain(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		text = e.Message
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		text += " (SQLSTATE " + e.Code + ")"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
