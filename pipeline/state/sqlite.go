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
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sluice/pipeline/failpoint"
)

// sqliteFile is the database of a store on one machine: one process runs pipelines at a time, others may look on.
type sqliteFile struct {
	d     *dialect
	write *sql.DB // of one connection
	read  *sql.DB
	lock  *processLock

	reads  prepared
	writer chan *writer // holds the writer while nobody writes
}

// A writer is the one connection that writes. Statements run on it within its transaction, as long as they are given the
// transaction's context: once that has ended, none of them starts.
type writer struct {
	conn     *sql.Conn
	prepared prepared
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
	f := &sqliteFile{d: sqliteDialect(), lock: newProcessLock(path + ".lock")}
	if f.write, err = sql.Open("sqlite", dataSource(path, "immediate")); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	f.write.SetMaxOpenConns(1)
	if f.read, err = sql.Open("sqlite", dataSource(path, "deferred")); err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), f.write.Close())
	}
	f.read.SetMaxOpenConns(4)
	f.read.SetMaxIdleConns(4)
	conn, err := f.write.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state %s: %w", path, explainSQLite(err)), f.close())
	}
	f.writer = make(chan *writer, 1)
	f.writer <- &writer{conn: conn}
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

// Nothing tells a file from its copy; see witness.
func (f *sqliteFile) place(context.Context) place { return place{} }

func (f *sqliteFile) close() error {
	f.lock.close()
	var err error
	if f.writer != nil {
		w := <-f.writer
		err = errors.Join(w.prepared.close(), w.conn.Close())
		f.writer <- w // who comes now learns that it is closed
	}
	return errors.Join(err, f.reads.close(), f.read.Close(), f.write.Close())
}

func (f *sqliteFile) update(ctx context.Context, do func(session) error) error {
	var w *writer
	select {
	case w = <-f.writer:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { f.writer <- w }()
	if err := failpoint.At("db.op"); err != nil {
		return err
	}
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return explainSQLite(err)
	}
	if err := do(&sqlSession{f.d, w.conn, &w.prepared}); err != nil {
		_ = tx.Rollback() // fails only where the transaction has ended already
		return explainSQLite(err)
	}
	if err := failpoint.At("tx.commit.before"); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return explainSQLite(err)
	}
	return failpoint.At("tx.commit.after")
}

func (f *sqliteFile) view(ctx context.Context, do func(session) error) error {
	if err := failpoint.At("db.op"); err != nil {
		return err
	}
	return explainSQLite(do(&sqlSession{f.d, f.read, &f.reads}))
}

func (f *sqliteFile) parts(ctx context.Context, n int, do func(v session, from, to int) error) error {
	return f.view(ctx, func(v session) error { return do(v, 0, n) })
}

// errBusy says that another process's transaction has lasted longer than one is waited for.
var errBusy = errors.New("another process is writing to the state")

// explainSQLite adds what to do to errors that have a well-known cause.
func explainSQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", err, errBusy)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: the file isn't a state that Sluice made; name another one", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: make room for the state's file and run again: what is in doubt is settled then", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: the state's file is damaged; put a backup in its place, or move it away, and run `sluice reconcile` before anything else", err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: let this user write the state's file, those beside it and their folder", err)
	case sqlite3.SQLITE_ERROR:
		if strings.Contains(e.Error(), "no such table") || strings.Contains(e.Error(), "no such column") {
			return fmt.Errorf("%w: the state's tables are missing or of another version; run `sluice migrate`", err)
		}
	}
	return err
}

// prepared are statements by what they were made of (sized): to prepare one takes longer than to run most of them.
type prepared struct{ statements sync.Map }

// close closes the statements. One that stays open would keep its connection, with the file and its log, from being closed.
func (p *prepared) close() error {
	var errs []error
	p.statements.Range(func(_, st any) bool {
		errs = append(errs, st.(*sql.Stmt).Close())
		return true
	})
	return errors.Join(errs...)
}

// sqlSession is a connection pool, or the writer within its transaction.
type sqlSession struct {
	d *dialect
	q interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	known *prepared
}

// statement returns a prepared statement. It is closed with the database.
func (s *sqlSession) statement(ctx context.Context, source sized) (*sql.Stmt, error) {
	if st, ok := s.known.statements.Load(source); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.q.PrepareContext(ctx, s.d.sized(source))
	if err != nil {
		return nil, err
	}
	if first, ok := s.known.statements.LoadOrStore(source, st); ok {
		return first.(*sql.Stmt), st.Close()
	}
	return st, nil
}

func (s *sqlSession) exec(ctx context.Context, source string, args ...any) (int64, error) {
	return s.run(ctx, sized{source, 1}, args)
}

func (s *sqlSession) run(ctx context.Context, source sized, args []any) (int64, error) {
	st, err := s.statement(ctx, source)
	if err != nil {
		return 0, err
	}
	result, err := st.ExecContext(ctx, arguments(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *sqlSession) query(ctx context.Context, each func(scan) error, source string, args ...any) error {
	st, err := s.statement(ctx, sized{source, 1})
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, arguments(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return eachRow(rows, each)
}

// arguments returns args with lists of texts as json_each reads them.
func arguments(args []any) []any {
	for i, a := range args {
		if a, ok := a.([]string); ok {
			args = slices.Clone(args)
			args[i] = encode(a)
		}
	}
	return args
}

func (s *sqlSession) batch(ctx context.Context, list []statement) error {
	for _, st := range list {
		for rows, args := range parts(st.args) {
			if _, err := s.run(ctx, sized{st.source, rows}, args); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sqlSession) last(ctx context.Context, list []statement) error { return s.batch(ctx, list) }

func (s *sqlSession) told(ctx context.Context, changed *int64, st statement) (err error) {
	*changed, err = s.exec(ctx, st.source, st.args...)
	return err
}

func (s *sqlSession) script(ctx context.Context, text string) error {
	_, err := s.q.ExecContext(ctx, text)
	return err
}
