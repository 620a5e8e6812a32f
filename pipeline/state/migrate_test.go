package state

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sluice/migrations"
	"sluice/pipeline"
)

// files returns migrations 1 to n, which make a table each, and the first one those that each version has.
func files(s *store, n int) []migration {
	fsys := fstest.MapFS{}
	for i := range n {
		text := fmt.Sprintf("create table sluice.t%d (a integer);\ncreate index i%d on sluice.t%d (a);", i+1, i+1, i+1)
		if s.db.dialect().name == "sqlite" {
			text = strings.ReplaceAll(text, "sluice.", "")
		}
		if i == 0 {
			state, err := migrations.Files.ReadFile(s.db.dialect().name + "/001_state.sql")
			if err != nil {
				panic(err)
			}
			text += string(state)
		}
		fsys[fmt.Sprintf("d/%03d_t.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	list, err := readMigrations(fsys, "d")
	if err != nil {
		panic(err)
	}
	return list
}

// Any number of processes may migrate at once, from any version; each file is applied once, wholly or not at all.
func TestMigrate(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			url := b.url(t)
			s := openStore(t, url, times)
			var wg sync.WaitGroup
			for range 4 {
				s := openStore(t, url, times)
				wg.Go(func() {
					if _, to, err := s.migrate(t.Context(), files(s, 2)); to != 2 || err != nil {
						t.Errorf("at once: %d, %v", to, err)
					}
				})
			}
			wg.Wait()
			if from, to, err := s.migrate(t.Context(), files(s, 3)); from != 2 || to != 3 || err != nil {
				t.Errorf("upgrade: %d, %d, %v", from, to, err)
			}
			if from, to, err := s.migrate(t.Context(), files(s, 3)); from != 3 || to != 3 || err != nil {
				t.Errorf("again: %d, %d, %v", from, to, err)
			}
			broken := files(s, 5)
			broken[4].text += "\nselect nonsense from nowhere;"
			if _, to, err := s.migrate(t.Context(), broken); to != 4 || err == nil || !strings.Contains(err.Error(), "005_t.sql") {
				t.Errorf("broken file: %d, %v", to, err)
			}
			if _, to, err := s.migrate(t.Context(), files(s, 5)); to != 5 || err != nil {
				t.Errorf("repaired: %d, %v", to, err)
			}
			refuses(t, s, files(s, 3), "version 5 (005_t.sql), and this program knows versions up to 3")
			changed := files(s, 5)
			changed[1].sum = "0"
			refuses(t, s, changed, "another text of migration 002_t.sql")
			err := s.db.update(t.Context(), func(tx session) error {
				_, err := tx.exec(t.Context(), "delete from sluice.migration where version = 2")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			refuses(t, s, files(s, 5), "migration 2 is missing")
		})
	}
}

func refuses(t *testing.T, s *store, list []migration, want string) {
	t.Helper()
	if _, _, err := s.migrate(t.Context(), list); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("migrate: %v; want %q", err, want)
	}
}

// A run refuses tables that another program has made.
func TestStartOnOtherTables(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		err := s.db.update(t.Context(), func(tx session) error {
			_, err := tx.exec(t.Context(), "insert into sluice.migration select max(version) + 1, 'later.sql', '0', {now} from sluice.migration")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p"}); err == nil || !strings.Contains(err.Error(), "use a newer one") {
			t.Errorf("start: %v", err)
		}
	})
}

// TestNoUpgradeUnderARun proves that the tables stay as they are while a run goes on, of whatever pipeline: its program looks at
// their version when it begins, and would go on writing without what the newer version adds.
func TestNoUpgradeUnderARun(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		list, err := readMigrations(migrations.Files, s.db.dialect().name)
		if err != nil {
			t.Fatal(err)
		}
		next := migration{len(list) + 1, "later.sql", "create table later (a integer)", "0"}
		upgrade := func() (int, error) {
			_, to, err := again().migrate(t.Context(), append(slices.Clone(list), next))
			return to, err
		}
		r := begin(t, s, pipeline.Begin{})
		refused := func(what string) {
			t.Helper()
			to, err := upgrade()
			held, ok := errors.AsType[*pipeline.HeldError](err)
			if to != len(list) || !ok || held.Pipeline != "p" || held.Holder != holder() || !strings.Contains(err.Error(), "when it has ended") {
				t.Errorf("%s: %d, %v", what, to, err)
			}
		}
		refused("at the beginning")
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}})
		refused("in the middle")
		if to, _, err := again().Migrate(t.Context()); to != len(list) || err != nil {
			t.Errorf("nothing to upgrade: %d, %v", to, err)
		}
		r.finish(pipeline.Finish{})
		begin(t, s, pipeline.Begin{})
		crash(s)
		if to, err := upgrade(); to != next.version || err != nil {
			t.Errorf("after its end: %d, %v", to, err)
		}
		// A program that looked at the version just before.
		g := s.db.guard("p")
		defer g.release()
		_, _, err = s.take(t.Context(), g, &opening{Begin: pipeline.Begin{Pipeline: "p", Account: account}})
		if err == nil || !strings.Contains(err.Error(), "use a newer one") {
			t.Errorf("start of the older program: %v", err)
		}
	})
}

// TestUpgradeElsewhere proves that a process that finds another one at the upgrade of a state's tables for longer than it
// waits for a transaction says so, and doesn't count as failed.
func TestUpgradeElsewhere(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "state.db")
	first := openStore(t, url, times)
	if _, _, err := first.migrate(t.Context(), files(first, 2)); err != nil {
		t.Fatal(err)
	}
	var second *store
	err := first.db.update(t.Context(), func(tx session) error {
		_, err := first.advance(t.Context(), tx, files(first, 3))
		second = openStore(t, url, times)
		w := <-second.db.(*sqliteFile).writer
		_, quick := w.conn.ExecContext(t.Context(), "pragma busy_timeout = 20") // instead of ten seconds
		second.db.(*sqliteFile).writer <- w
		err = errors.Join(err, quick)
		if _, to, err := second.migrate(t.Context(), files(second, 3)); to != 2 || !errors.Is(err, ErrUpgrading) {
			t.Errorf("beside another upgrade: %d, %v", to, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if from, to, err := second.migrate(t.Context(), files(second, 3)); from != 3 || to != 3 || err != nil {
		t.Errorf("after it: %d, %d, %v", from, to, err)
	}
}

// TestUpgradeIsTold proves that whoever watches learns that tables are being upgraded, which may take long, and of nothing
// where there is nothing to upgrade.
func TestUpgradeIsTold(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			var told strings.Builder
			s := openStore(t, b.url(t), times)
			Log(slog.New(slog.NewTextHandler(&told, nil)))(s)
			for _, c := range []struct {
				to    int
				wants []string
			}{
				{2, nil}, // made
				{2, nil},
				{4, []string{`level=WARN msg="upgrading the state's tables: it may take minutes, and older versions of Sluice refuse them then" from=2 to=4`,
					`level=INFO msg="upgraded the state's tables" from=2 to=4 seconds=`}},
			} {
				told.Reset()
				if _, _, err := s.migrate(t.Context(), files(s, c.to)); err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(told.String(), "\n"); n != len(c.wants) {
					t.Errorf("to %d: %d lines: %s", c.to, n, &told)
				}
				for _, want := range c.wants {
					if !strings.Contains(told.String(), want) {
						t.Errorf("to %d: %s\nwant %s", c.to, &told, want)
					}
				}
			}
		})
	}
}

// The embedded files are numbered well, and the same for both databases.
func TestEmbeddedMigrations(t *testing.T) {
	var names [2][]string
	for i, folder := range []string{"postgres", "sqlite"} {
		list, err := readMigrations(migrations.Files, folder)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		for _, m := range list {
			names[i] = append(names[i], m.name)
		}
	}
	equal(t, "names", names[1], names[0])
	for _, bad := range [][]string{{"d/002_a.sql"}, {"d/001_a.sql", "d/003_b.sql"}, {"d/001_a.sql", "d/001_b.sql"}, {"d/a.sql"}} {
		fsys := fstest.MapFS{}
		for _, name := range bad {
			fsys[name] = &fstest.MapFile{}
		}
		if _, err := readMigrations(fsys, "d"); err == nil {
			t.Errorf("%v is fine", bad)
		}
	}
}
