package state

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// A cutter is a proxy before Postgres that cuts a connection at COMMIT: before the server sees it, or after it has
// done it and before the client hears of it.
type cutter struct {
	listener net.Listener
	config   *pgx.ConnConfig
	wg       sync.WaitGroup
	armed    atomic.Int32 // cutBefore, cutAfter or 0
	cuts     atomic.Int32
}

const (
	cutBefore = 1
	cutAfter  = 2

	// committing is what a client says to commit, where it names no statement: it parses one, and binds it next.
	committing = "commit\x00\x00\x00B"
)

// newCutter returns a proxy and the DSN that leads through it.
func newCutter(t *testing.T, dsn string) (*cutter, string) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, config: config}
	c.wg.Go(c.serve)
	t.Cleanup(func() {
		listener.Close()
		c.wg.Wait()
	})
	return c, fmt.Sprintf("host=%s port=5432 user=%s dbname=%s password='%s' sslmode=disable default_query_exec_mode=cache_describe", dir, config.User, config.Database, config.Password)
}

func (c *cutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := c.config.DialFunc(context.Background(), networkOf(c.config), addressOf(c.config))
		if err != nil {
			client.Close()
			continue
		}
		var muted atomic.Bool
		c.wg.Go(func() { c.forward(client, server, &muted) })
		c.wg.Go(func() { answer(client, server, &muted) })
	}
}

func networkOf(config *pgx.ConnConfig) string {
	if filepath.IsAbs(config.Host) {
		return "unix"
	}
	return "tcp"
}

func addressOf(config *pgx.ConnConfig) string {
	if filepath.IsAbs(config.Host) {
		return filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))
	}
	return net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

// forward passes on what the client says.
func (c *cutter) forward(client, server net.Conn, muted *atomic.Bool) {
	defer server.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte(committing)) {
			switch c.armed.Swap(0) {
			case cutBefore:
				c.cuts.Add(1)
				client.Close()
				return
			case cutAfter:
				c.cuts.Add(1)
				muted.Store(true)
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answer passes on what the server says; muted, it waits for the server's word and cuts instead.
func answer(client, server net.Conn, muted *atomic.Bool) {
	defer client.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil || muted.Load() {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil && err != io.EOF {
			return
		}
	}
}

// Whether a commit whose answer was lost was made or not: it is made exactly once in the end.
func TestLostCommits(t *testing.T) {
	for mode, name := range map[int32]string{cutBefore: "not made", cutAfter: "made"} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			proxy, through := newCutter(t, dsn)
			s := openStore(t, through, times)
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			arm := func() { proxy.armed.Store(mode) }
			arm()
			r := begin(t, s, pipeline.Begin{})
			arm()
			r.intend(pipeline.Intent{Key: "a", Version: 1, TraceID: "x"})
			arm()
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1"), refused("b", 1, hash(2), "bad")}, Position: pipeline.Position("x")})
			arm()
			if n, _, err := s.Retry(t.Context(), Filter{Pipeline: "p"}); n != 1 || err != nil {
				t.Error(n, err)
			}
			arm()
			r.finish(pipeline.Finish{})
			if n := proxy.cuts.Load(); n != 5 {
				t.Errorf("%d commits were cut", n)
			}
			equal(t, "entries", r.known("a", "b"), []pipeline.Entry{{Version: 1, Hash: hash(1), ID: "1"}, {Version: 1}})
			equal(t, "dead letters", codes(r.letters(Filter{})), []string{"b sink/bad open"})
			var groups, commits int
			if err := s.db.view(t.Context(), func(v session) error {
				_, err := one(t.Context(), v, []any{&groups, &commits},
					`select (select count(*) from sluice.intent_group), (select count(*) from sluice.ledger where key = 'a' and commit_no = 1)`)
				return err
			}); err != nil || groups != 1 || commits != 1 {
				t.Errorf("%d groups, %d rows of the first commit: %v", groups, commits, err)
			}
		})
	}
}
