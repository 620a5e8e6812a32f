package state

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"sluice/migrations"
	"sluice/pipeline"
)

// files returns migrations 1 to n, which make a table each.
func files(s *store, n int) []migration {
	fsys := fstest.MapFS{}
	for i := range n {
		text := fmt.Sprintf("create table sluice.t%d (a integer);\ncreate index i%d on sluice.t%d (a);", i+1, i+1, i+1)
		if s.db.dialect().name == "sqlite" {
			text = strings.ReplaceAll(text, "sluice.", "")
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
			refuses(t, s, files(s, 4), "version 5")
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
