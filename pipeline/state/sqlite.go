package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteFile is the database of a store on one machine: one process runs pipelines at a time, others may look on.
type sqliteFile struct {
	d     *dialect
	write *sql.DB // of one connection
	read  *sql.DB
	lock  *processLock
}

func openSQLite(ctx context.Context, path string) (*sqliteFile, error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.HasPrefix(path, ":") {
		return nil, fmt.Errorf("open state: sqlite:%s names no file: expected sqlite:path, such as sqlite:.sluice/state.db", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	f := &sqliteFile{d: newSQLiteDialect(), lock: newProcessLock(path + ".lock")}
	if f.write, err = sql.Open("sqlite", dataSource(path, "immediate")); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	f.write.SetMaxOpenConns(1)
	if f.read, err = sql.Open("sqlite", dataSource(path, "deferred")); err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), f.write.Close())
	}
	f.read.SetMaxOpenConns(4)
	f.read.SetMaxIdleConns(4)
	if err := f.write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open state %s: %w", path, explainSQLite(err)), f.close())
	}
	return f, nil
}

// makePrivate makes the file and its folders for their owner only; what is there already keeps its mode. SQLite gives
// the files beside it the same mode.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// dataSource returns the driver's name of a file. Commits are on disk when they are answered (synchronous FULL).
func dataSource(path, begin string) string {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" {
		path = "/" + path
	}
	query := url.Values{"_txlock": {begin}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"cache_size(-65536)", "temp_store(MEMORY)"}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

func (f *sqliteFile) dialect() *dialect { return f.d }

func (f *sqliteFile) guard(pipeline string) guard {
	return &fileGuard{lock: f.lock, pipeline: pipeline}
}

// A lease that its holder never released means nothing without the lock of a process that is still there.
func (f *sqliteFile) alive(holder string, _ bool) bool { return f.lock.holder() == holder }

func (f *sqliteFile) close() error {
	f.lock.close()
	return errors.Join(f.read.Close(), f.write.Close())
}

func (f *sqliteFile) update(ctx context.Context, do func(session) error) error {
	tx, err := f.write.BeginTx(ctx, nil)
	if err != nil {
		return explainSQLite(err)
	}
	if err := do(&sqlSession{f.d, tx}); err != nil {
		_ = tx.Rollback() // fails only where the transaction has ended already
		return explainSQLite(err)
	}
	return explainSQLite(tx.Commit())
}

func (f *sqliteFile) view(ctx context.Context, do func(session) error) error {
	return explainSQLite(do(&sqlSession{f.d, f.read}))
}

// explainSQLite adds what to do to errors that have a well-known cause.
func explainSQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: another process is writing to the state", err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: the file isn't a state that Sluice made; name another one", err)
	case sqlite3.SQLITE_ERROR:
		if strings.Contains(e.Error(), "no such table") || strings.Contains(e.Error(), "no such column") {
			return fmt.Errorf("%w: the state's tables are missing or of another version; run `sluice migrate`", err)
		}
	}
	return err
}

// sqlSession is a connection pool or a transaction.
type sqlSession struct {
	d *dialect
	q interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
}

func (s *sqlSession) exec(ctx context.Context, source string, args ...any) (int64, error) {
	result, err := s.q.ExecContext(ctx, s.d.sql(source), arguments(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *sqlSession) query(ctx context.Context, each func(scan) error, source string, args ...any) error {
	rows, err := s.q.QueryContext(ctx, s.d.sql(source), arguments(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// arguments returns args with lists of texts as json_each reads them.
func arguments(args []any) []any {
	for i, a := range args {
		if list, ok := a.([]string); ok {
			args = slices.Clone(args)
			args[i] = encode(list)
		}
	}
	return args
}

func (s *sqlSession) batch(ctx context.Context, list []statement) error {
	for _, st := range list {
		if _, err := s.exec(ctx, st.source, st.args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlSession) script(ctx context.Context, text string) error {
	_, err := s.q.ExecContext(ctx, text)
	return err
}
