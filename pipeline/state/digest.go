package state

import (
	"context"
	"fmt"
	"iter"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
)

// The digest is a log: each commit adds one row with the entries of the ledger's rows that it changes. Beside it stands, in
// the pipeline's progress, the number of the commit that added to it last, so that a digest that lost or kept what the
// ledger didn't is noticed. Where the ledger is changed by hand, a trigger drops that number. What only makes a row one that
// the ledger is asked about for other reasons than before (see forget) needs no entry.

// digestPart is the number of entries in a row of a digest that was made at once.
const digestPart = 1 << 15

// selectDigest reads the number and the entries in one statement, so that they are of one moment.
const selectDigest = `
select (select p.digest_no from sluice.progress p where p.pipeline = $1), d.commit_no, d.entries
from sluice.digest d where d.pipeline = $1 order by d.commit_no, d.part`

// Digest hands on the digest; see pipeline.Digester.
func (s *store) Digest(ctx context.Context, name string, epoch int64, each func([]byte) error) (int64, error) {
	for made := false; ; made = true {
		number, inStep, err := s.readDigest(ctx, name, each)
		switch {
		case err != nil:
			return 0, fmt.Errorf("read digest of %q: %w", name, err)
		case inStep:
			return number, nil
		case made:
			return 0, fmt.Errorf("the digest of %q isn't in step with the ledger, though it was just made: somebody else changes the state", name)
		}
		if err := s.makeDigest(ctx, name, epoch); err != nil {
			return 0, fmt.Errorf("make digest of %q: %w", name, err)
		}
	}
}

// readDigest hands on what is there, and tells whether that is in step with the ledger.
func (s *store) readDigest(ctx context.Context, name string, each func([]byte) error) (number int64, inStep bool, err error) {
	err = s.db.view(ctx, func(v session) error {
		var known *int64
		if _, err := one(ctx, v, []any{&known}, `select digest_no from sluice.progress where pipeline = $1`, name); err != nil || known == nil {
			number, inStep = 0, false
			return err
		}
		last, entries := int64(0), []byte(nil)
		err := v.query(ctx, func(scan scan) error {
			if err := scan(&known, &last, &entries); err != nil {
				return err
			}
			return each(entries)
		}, selectDigest, name)
		number, inStep = last, known != nil && *known == last
		return err
	})
	return number, inStep, err
}

// selectPlain reads what an entry of the digest is made of.
const selectPlain = `
select l.key, l.hash, l.rejected, l.held, ` + waits + `
from sluice.ledger l where l.pipeline = $1 and l.key > $2 order by l.key limit $3`

// makeDigest makes the digest anew from the ledger. Nobody commits meanwhile.
func (s *store) makeDigest(ctx context.Context, name string, epoch int64) error {
	return s.db.update(ctx, func(tx session) error {
		if err := fence(ctx, tx, name, epoch); err != nil {
			return err
		}
		var number int64
		if _, err := one(ctx, tx, []any{&number}, `
update sluice.progress set digest_no = commit_no where pipeline = $1 returning commit_no`, name); err != nil {
			return err
		}
		var failed error
		err := replaceDigest(ctx, tx, name, number, func(yield func([]byte) bool) {
			after, more := "", true
			for more && failed == nil {
				var b []byte
				if b, after, failed = ledgerPart(ctx, tx, name, after); failed == nil {
					more = yield(b) && len(b) == digestPart*digest.Size
				}
			}
		})
		if failed != nil {
			return failed
		}
		return err
	})
}

// ledgerPart packs the entries of the keys after the given one, and returns the last of them.
func ledgerPart(ctx context.Context, tx session, name, after string) (packed []byte, last string, err error) {
	var e pipeline.Entry
	var hash, rejected []byte
	last = after
	err = tx.query(ctx, func(scan scan) error {
		if err := scan(&last, &hash, &rejected, &e.Held, &e.Waiting); err != nil {
			return err
		}
		e.Hash, e.Rejected = toHash(hash), toHash(rejected)
		packed = digest.Append(packed, digest.Key(last), e.Content())
		return nil
	}, selectPlain, name, after, digestPart)
	return packed, last, err
}

// replaceDigest puts packed entries in place of all that there are, as of one commit. Also no entry is one row.
func replaceDigest(ctx context.Context, tx session, name string, number int64, entries iter.Seq[[]byte]) error {
	if _, err := tx.exec(ctx, `delete from sluice.digest where pipeline = $1`, name); err != nil {
		return err
	}
	part := 0
	for packed := range entries {
		if err := tx.batch(ctx, []statement{addDigest(name, number, part, packed)}); err != nil {
			return err
		}
		part++
	}
	if part > 0 {
		return nil
	}
	return tx.batch(ctx, []statement{addDigest(name, number, part, nil)})
}

func addDigest(name string, number int64, part int, packed []byte) statement {
	if packed == nil {
		packed = []byte{}
	}
	return statement{`insert into sluice.digest (pipeline, commit_no, part, entries) values ($1, $2, $3, $4)`, []any{name, number, part, packed}}
}

// DigestSize returns the number of entries; see pipeline.Digester.
func (s *store) DigestSize(ctx context.Context, name string) (n int64, err error) {
	err = s.db.view(ctx, func(v session) error {
		_, err := one(ctx, v, []any{&n}, `
select coalesce(sum(length(d.entries)), 0) from sluice.digest d
where d.pipeline = $1 and (select p.digest_no from sluice.progress p where p.pipeline = $1) is not null`, name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read digest of %q: %w", name, err)
	}
	return n / digest.Size, nil
}

// Compact rewrites the digest; see pipeline.Digester.
func (s *store) Compact(ctx context.Context, name string, epoch, number int64, entries iter.Seq[[]byte]) error {
	err := s.db.update(ctx, func(tx session) error {
		if err := fence(ctx, tx, name, epoch); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `update sluice.progress set updated_at = {now} where pipeline = $1 and digest_no = $2`, name, number)
		if err != nil || n == 0 {
			return err
		}
		return replaceDigest(ctx, tx, name, number, entries)
	})
	if err != nil {
		return fmt.Errorf("compact digest of %q: %w", name, err)
	}
	return nil
}

// digest packs the entries of the ledger's rows that the patch changes.
func (p *patch) digest() []byte {
	b := []byte{}
	for _, key := range p.keys {
		row := p.rows[key]
		if !row.changed && !row.rewait {
			continue
		}
		e := row.Entry
		if row.rewait {
			e.Waiting = len(row.waiting) > 0
		}
		b = digest.Append(b, digest.Key(key), e.Content())
	}
	return b
}
