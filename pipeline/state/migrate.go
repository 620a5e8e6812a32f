package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"sluice/migrations"
	"sluice/pipeline"
	"sluice/pipeline/failpoint"
)

// A migration is one numbered file.
type migration struct {
	version int
	name    string
	text    string
	sum     string // of the text
}

// readMigrations returns a folder's files in their order, which must be numbered from 1 without a gap.
func readMigrations(files fs.FS, folder string) ([]migration, error) {
	names, err := fs.Glob(files, path.Join(folder, "*.sql")) // sorted
	if err != nil {
		return nil, err
	}
	var list []migration
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: expected number %03d: they must follow each other without a gap", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		list = append(list, migration{version, path.Base(name), string(text), hex.EncodeToString(sum[:])})
	}
	return list, nil
}

// Migrate brings the tables to the newest version; see Store.
func (s *store) Migrate(ctx context.Context) (from, to int, err error) {
	list, err := readMigrations(migrations.Files, s.db.dialect().name)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate state: %w", err)
	}
	from, to, err = s.migrate(ctx, list)
	if err != nil {
		return from, to, fmt.Errorf("migrate state: %w", err)
	}
	return from, to, nil
}

// ErrUpgrading says that another process holds the tables, as an upgrade does that takes long.
var ErrUpgrading = errors.New("another process upgrades the state's tables, or writes to the state for long otherwise: run again when it has ended")

func (s *store) migrate(ctx context.Context, list []migration) (from, to int, err error) {
	if from, err = s.version(ctx, list); err != nil {
		return from, from, err
	}
	if err := failpoint.At("migrate.before"); err != nil {
		return from, from, err
	}
	defer failpoint.Reach("migrate.after")
	if from == 0 || from == len(list) {
		to, err = s.upgrade(ctx, from, list)
		return from, to, err
	}
	began := time.Now()
	s.log.Warn("upgrading the state's tables: it may take minutes, and older versions of Sluice refuse them then", "from", from, "to", len(list))
	if to, err = s.upgrade(ctx, from, list); err == nil {
		s.log.Info("upgraded the state's tables", "from", from, "to", to, "seconds", time.Since(began).Round(time.Millisecond).Seconds())
	}
	return from, to, err
}

// upgrade applies the files that come after a version, each in a transaction of its own.
func (s *store) upgrade(ctx context.Context, from int, list []migration) (to int, err error) {
	to = from
	for to < len(list) {
		next := to
		err = s.outlast(ctx, func() error {
			return s.db.update(ctx, func(tx session) (err error) {
				next, err = s.advance(ctx, tx, list)
				return err
			})
		})
		if _, held := errors.AsType[*pipeline.HeldError](err); held {
			err = fmt.Errorf("%w, and would go on writing as version %d has it: run again when it has ended", err, to)
		}
		if errors.Is(err, errBusy) {
			err = fmt.Errorf("%w (%w)", ErrUpgrading, err)
		}
		if err != nil {
			return to, err
		}
		to = next
	}
	return to, nil
}

// advance applies the first file that wasn't, under a lock that keeps other processes from doing the same.
func (s *store) advance(ctx context.Context, tx session, list []migration) (int, error) {
	if s.db.dialect().name == "postgres" {
		const key = 0x736c75696365 // "sluice"
		if _, err := tx.exec(ctx, `select pg_advisory_xact_lock($1)`, int64(key)); err != nil {
			return 0, err
		}
	}
	there, err := hasTables(ctx, tx, s.db.dialect())
	if err != nil {
		return 0, err
	}
	if !there {
		if err := tx.script(ctx, s.db.dialect().first); err != nil {
			return 0, err
		}
	}
	version, err := applied(ctx, tx, list)
	if err != nil || version == len(list) {
		return version, err
	}
	if version > 0 {
		if err := s.vacant(ctx, tx); err != nil {
			return version, err
		}
	}
	m := list[version]
	if err := tx.script(ctx, m.text); err != nil {
		return version, fmt.Errorf("%s: %w", m.name, err)
	}
	_, err = tx.exec(ctx, `insert into sluice.migration (version, name, checksum, applied_at) values ($1, $2, $3, {now})`, m.version, m.name, m.sum)
	return m.version, err
}

// vacant returns a *leaseHeld if a run goes on: its program knows the tables as they were, and checks that only when it
// begins. No run begins until the transaction ends.
func (s *store) vacant(ctx context.Context, tx session) error {
	if lock := s.db.dialect().lockLeases; lock != "" {
		if _, err := tx.exec(ctx, lock); err != nil {
			return err
		}
	}
	taken, err := takenLeases(ctx, tx)
	for i := range taken {
		if err == nil {
			err = s.db.vacated(ctx, tx, &taken[i])
		}
	}
	return err
}

// takenLeases returns the leases that their holders haven't released.
func takenLeases(ctx context.Context, v session) (taken []takenLease, err error) {
	err = v.query(ctx, func(scan scan) error {
		var l takenLease
		var since, idle int64
		if err := scan(&l.Pipeline, &l.Holder, &l.locked, &l.live, &since, &idle); err != nil {
			return err
		}
		l.Since, l.idle = time.UnixMicro(since), time.Duration(idle)*time.Microsecond
		taken = append(taken, l)
		return nil
	}, `
select pipeline, holder, locked, expires_at > {now}, coalesce({micros:granted_at}, 0), coalesce({age:renewed_at}, 0)
from sluice.lease where expires_at is not null order by pipeline`)
	return taken, err
}

// takenLease is a lease that its holder hasn't released. live: it hasn't ended.
type takenLease struct {
	leaseHeld
	live bool
}

func hasTables(ctx context.Context, v session, d *dialect) (there bool, err error) {
	_, err = one(ctx, v, []any{&there}, d.tables)
	return there, err
}

// applied returns the version of the tables, after checking that the program knows what made them.
func applied(ctx context.Context, v session, list []migration) (int, error) {
	version, newest := 0, ""
	err := v.query(ctx, func(scan scan) error {
		var number int
		var name, sum string
		if err := scan(&number, &name, &sum); err != nil {
			return err
		}
		version++
		switch {
		case number != version:
			return fmt.Errorf("the state's tables are damaged: migration %d is missing from the table of migrations", version)
		case number > len(list):
			newest = name
		case sum != list[number-1].sum:
			return fmt.Errorf("the state's tables were made by another text of migration %s than this program's: use the program that made them", name)
		}
		return nil
	}, `select version, name, checksum from sluice.migration order by version`)
	if err == nil && newest != "" {
		err = fmt.Errorf("the state's tables are of version %d (%s), and this program knows versions up to %d: use a newer one", version, newest, len(list))
	}
	return version, err
}

// current refuses tables of another version than the program's.
func current(ctx context.Context, tx session, d *dialect) error {
	list, err := readMigrations(migrations.Files, d.name)
	if err != nil {
		return err
	}
	version, err := applied(ctx, tx, list)
	if err != nil {
		return err
	}
	return enough(version, list)
}

// version returns the version of the tables; 0 where there are none.
func (s *store) version(ctx context.Context, list []migration) (version int, err error) {
	err = s.db.view(ctx, func(v session) error {
		there, err := hasTables(ctx, v, s.db.dialect())
		if err != nil || !there {
			return err
		}
		version, err = applied(ctx, v, list)
		return err
	})
	return version, err
}

// Version returns the version of the tables; see Store.
func (s *store) Version(ctx context.Context) (int, error) {
	list, err := readMigrations(migrations.Files, s.db.dialect().name)
	if err != nil {
		return 0, err
	}
	version, err := s.version(ctx, list)
	if err != nil {
		return 0, fmt.Errorf("read the state's version: %w", err)
	}
	return version, nil
}

// Current refuses tables of another version than the program's; see Store.
func (s *store) Current(ctx context.Context) error {
	list, err := readMigrations(migrations.Files, s.db.dialect().name)
	if err != nil {
		return err
	}
	version, err := s.version(ctx, list)
	if err != nil {
		return fmt.Errorf("read the state's version: %w", err)
	}
	return enough(version, list)
}

// enough refuses tables of an older version than the program's.
func enough(version int, list []migration) error {
	switch {
	case version == 0:
		return errors.New("the state has no tables yet: run `sluice migrate`, or `sluice migrate --sandbox` if it is the sandbox's")
	case version < len(list):
		return fmt.Errorf("the state's tables are of version %d, and this program needs version %d: run `sluice migrate`, or `sluice migrate --sandbox` if it is the sandbox's", version, len(list))
	}
	return nil
}
