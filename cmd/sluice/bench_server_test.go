//go:build unix

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline/state/pgtest"
)

// A served is what the processes of a Postgres server did for one database.
type served struct {
	cpu    time.Duration
	oldest time.Duration // age of the oldest transaction that was seen
}

// watchServer follows the server processes of a database until stop is called. It sees them from a connection to another
// database, every now and then: of each, it misses the last moments.
func watchServer(b *testing.B, dsn string) (stop func() served) {
	b.Helper()
	conn, err := pgx.Connect(context.Background(), os.Getenv(pgtest.Variable))
	if err != nil {
		b.Fatal(err)
	}
	w := &serverWatch{conn: conn, database: databaseOf(b, dsn), first: map[int]time.Duration{}, last: map[int]time.Duration{}}
	if err := w.look(w.first); err != nil {
		b.Fatal(err)
	}
	ended, result := make(chan struct{}), make(chan error)
	go func() { result <- w.follow(ended) }()
	return func() served {
		close(ended)
		if err := <-result; err != nil {
			b.Fatal("watch the server:", err)
		}
		conn.Close(context.Background())
		s := served{oldest: w.oldest}
		for pid, cpu := range w.last {
			s.cpu += cpu - w.first[pid]
		}
		return s
	}
}

type serverWatch struct {
	conn        *pgx.Conn
	database    string
	first, last map[int]time.Duration // CPU time by process
	oldest      time.Duration
}

func (w *serverWatch) follow(ended <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := w.look(w.last)
		select {
		case <-ended:
			return err
		case <-tick.C:
		}
		if err != nil {
			<-ended
			return err
		}
	}
}

// look writes down the CPU time of the database's processes.
func (w *serverWatch) look(cpu map[int]time.Duration) error {
	rows, err := w.conn.Query(context.Background(), `select pid, coalesce(1000 * extract(epoch from clock_timestamp() - xact_start), 0)::float8
from pg_stat_activity where datname = $1`, w.database)
	if err != nil {
		return err
	}
	var pid int
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&pid, &age}, func() error {
		w.oldest = max(w.oldest, time.Duration(age*float64(time.Millisecond)))
		if took, err := cpuOf(pid); err == nil { // else it has just ended
			cpu[pid] = took
		}
		return nil
	})
	return err
}

// cpuOf returns the CPU time of a process so far, of which the kernel counts hundredths of a second.
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %s", pid, stat)
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}

// needServer skips a benchmark that counts what the server takes where that can't be seen.
func needServer(b *testing.B) {
	b.Helper()
	if _, err := cpuOf(os.Getpid()); err != nil {
		b.Skip("the CPU time of Postgres' processes is read from /proc, which isn't there")
	}
}

func databaseOf(b *testing.B, dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// copyDatabase returns the DSN of a copy of a state that nobody uses. The copy is told that it is none.
func copyDatabase(b *testing.B, dsn string) string {
	b.Helper()
	name := databaseOf(b, dsn) + "_copy"
	cluster := os.Getenv(pgtest.Variable)
	longExec(b, cluster, "create database "+name+" template "+databaseOf(b, dsn))
	b.Cleanup(func() { longExec(b, cluster, "drop database "+name+" with (force)") })
	copied := strings.Replace(dsn, databaseOf(b, dsn), name, 1)
	longExec(b, copied, "update sluice.progress set server = ''")
	return copied
}

// longExec runs statements, however long they take.
func longExec(b *testing.B, dsn string, statements ...string) {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			b.Fatalf("%v, in: %.200s", err, statement)
		}
	}
}
