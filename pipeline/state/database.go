package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice/pipeline"
)

// A database is what the store's logic needs of Postgres and SQLite.
type database interface {
	dialect() *dialect
	// update runs f in a transaction and commits it if f returns nil. It may run f again after a transient failure,
	// also if the answer to COMMIT was lost: f must notice what it has already done.
	update(ctx context.Context, f func(session) error) error
	// view runs f, which only reads or runs a single statement. It may run f again after a transient failure.
	view(ctx context.Context, f func(session) error) error
	// parts runs f as view does for all parts of n lookups, from one to before another: at the same time, where that is of use.
	parts(ctx context.Context, n int, f func(v session, from, to int) error) error
	// guard returns a lock that nobody holds yet.
	guard(pipeline string) guard
	// alive tells whether the holder of a lease is running, as far as anybody can tell; fresh: the lease hasn't ended.
	alive(holder string, fresh bool) bool
	// vacated returns a *leaseHeld if the lease's holder may be running.
	vacated(ctx context.Context, tx session, l *takenLease) error
	// place returns where the state is, as far as the server tells.
	place(ctx context.Context) place
	close() error
}

// A session runs statements, written in the common dialect.
type session interface {
	exec(ctx context.Context, source string, args ...any) (int64, error)
	query(ctx context.Context, each func(scan) error, source string, args ...any) error
	// batch runs statements in their order, in one round trip where the database has such a thing.
	batch(ctx context.Context, list []statement) error
	// last runs the last statements of a transaction: with its commit, which then tells their error, where that saves a round trip.
	last(ctx context.Context, list []statement) error
	// told is exec for a transaction's last statements: changed is told how many rows there were by its commit.
	told(ctx context.Context, changed *int64, st statement) error
	// script runs native SQL of several statements, within a transaction.
	script(ctx context.Context, text string) error
}

// scan reads the columns of the current row.
type scan func(dest ...any) error

// eachRow calls each for every row, until it returns an error.
func eachRow(rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
}, each func(scan) error) error {
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

type statement struct {
	source string
	args   []any
}

// A guard is a lock of one pipeline that the operating system or the database frees when its holder is gone.
type guard interface {
	// try takes the lock if it is free, and tells whether it is held now. It returns a *pipeline.HeldError if
	// somebody who is certainly alive holds it.
	try(ctx context.Context) (bool, error)
	// renew runs one statement on the guard's own connection, so that renewals wait for nothing else. It is nil where
	// the lock alone tells that the holder is alive.
	renew(ctx context.Context, source string, args ...any) (int64, error)
	renews() bool
	release()
}

// one reads the columns of a query's only row; false if there is none.
func one(ctx context.Context, s session, dest []any, source string, args ...any) (bool, error) {
	found := false
	err := s.query(ctx, func(scan scan) error {
		found = true
		return scan(dest...)
	}, source, args...)
	return found, err
}

// encode returns the argument for the rows macro.
func encode(rows any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(rows); err != nil {
		panic(err) // the package's own structs always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// hashBytes returns a hash as a value of type bytea; nil is a null.
func hashBytes(h *pipeline.Hash) []byte {
	if *h == (pipeline.Hash{}) {
		return nil
	}
	return h[:]
}

func toHash(b []byte) pipeline.Hash {
	var h pipeline.Hash
	copy(h[:], b)
	return h
}

// checkText refuses what a database can't hold as text, and what would change on the way there.
func checkText(what string, texts ...string) error {
	for _, s := range texts {
		if !isText(s) {
			return fmt.Errorf("state can't hold the %s %s: it must be UTF-8 without NUL", what, pipeline.Quote(s))
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// cleanText makes any text fit to be stored, for messages.
func cleanText(s string) string {
	if isText(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
