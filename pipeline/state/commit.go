package state

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"sluice/pipeline"
)

// Commit records what has been decided; see pipeline.Store.
func (s *store) Commit(ctx context.Context, c pipeline.Commit) error {
	if err := checkCommit(&c); err != nil {
		return fmt.Errorf("commit of %q: %w", c.Pipeline, err)
	}
	token := rand.Text()
	var number int64
	var digested, lettered bool
	decides := len(c.Decisions)+len(c.Links) > 0
	answered := s.answered(c.Pipeline, c.Epoch)
	before := answered.Load()
	err := s.db.update(ctx, func(tx session) error {
		first, err := one(ctx, tx, []any{&number, &digested, &lettered}, beginCommit, c.Pipeline, token, decides, []byte(c.Position), c.Epoch, c.Reread)
		if err != nil {
			return err
		}
		if !first {
			return fence(ctx, tx, c.Pipeline, c.Epoch) // not fenced: an earlier attempt's commit was made after all
		}
		if number <= before {
			return &pipeline.BehindError{Pipeline: c.Pipeline, Why: fmt.Sprintf("it holds %d commits, but %d were made: its server has lost some, as in a failover", number-1, before)}
		}
		p, err := patchFor(ctx, tx, &c)
		if err != nil {
			return err
		}
		var list []statement
		if decides && digested {
			list = append(list, addDigest(c.Pipeline, number, 0, p.digest()))
		}
		p.lettered = lettered
		return tx.last(ctx, append(list, statements(&c, p, number)...))
	})
	if err != nil {
		return fmt.Errorf("commit of %q: %w", c.Pipeline, err)
	}
	raise(answered, number)
	s.witness.meanwhile(c.Pipeline, number)
	return nil
}

// raise makes the number at least n.
func raise(number *atomic.Int64, n int64) {
	for old := number.Load(); n > old && !number.CompareAndSwap(old, n); old = number.Load() {
	}
}

// beginCommit numbers a commit, moves the checkpoint if that is to be, and tells whether there is a digest and whether any dead
// letter is open. It changes no row if an earlier attempt was made after all, or if the epoch has passed (see fence).
const beginCommit = `
update sluice.progress set commit_no = commit_no + 1, token = $2, updated_at = {now}, position = coalesce($4, position), reread = reread or $6,
digest_no = case when $3 and digest_no is not null then commit_no + 1 else digest_no end
where pipeline = $1 and token <> $2
and exists (select 1 from sluice.pipeline where name = $1 and epoch = $5 {share})
returning commit_no, digest_no is not null,
(select 1 from sluice.dead_letter d where d.pipeline = $1 and d.state <> 'closed' limit 1) is not null`

// checkCommit refuses what a database can't hold.
func checkCommit(c *pipeline.Commit) error {
	for _, d := range c.Decisions {
		if err := checkText("key or id", d.Key, d.ID); err != nil {
			return err
		}
		for _, l := range d.Links {
			if err := checkText("link", l.Slot, l.Label, l.From.ID, l.From.Value, l.To.ID, l.To.Value); err != nil {
				return err
			}
		}
	}
	for _, l := range c.Links {
		if err := checkText("key", l.Key); err != nil {
			return err
		}
	}
	return checkText("key", c.Seen...)
}

// patchFor works out what the commit changes, from what is there. The pipeline's row of progress is locked, so that nobody
// else changes that meanwhile.
func patchFor(ctx context.Context, tx session, c *pipeline.Commit) (*patch, error) {
	var unknown, waits []string
	known := make(map[string]pipeline.Entry, len(c.Decisions))
	for i := range c.Decisions {
		d := &c.Decisions[i]
		if d.Before == nil || d.Verdict != pipeline.Done {
			unknown = append(unknown, d.Key)
		} else {
			known[d.Key] = *d.Before
		}
	}
	for _, l := range c.Links {
		waits = append(waits, l.Key)
		if _, ok := known[l.Key]; !ok {
			unknown = append(unknown, l.Key)
		}
	}
	unknown = distinct(unknown)
	read, err := entries(ctx, tx, c.Pipeline, unknown)
	if err != nil {
		return nil, err
	}
	for i, key := range unknown {
		known[key] = read[i]
	}
	for key, e := range known {
		if e.Waiting {
			waits = append(waits, key)
		}
	}
	waiting, err := waitingOf(ctx, tx, c.Pipeline, distinct(waits))
	if err != nil {
		return nil, err
	}
	p := newPatch(known, waiting)
	return p, p.apply(c)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// ledgerRows returns the columns of the table macro in putLedger.
func ledgerRows(keys []string, rows []*patched) table {
	n := len(rows)
	version, held, made, answered := make([]int64, n), make([]bool, n), make([]bool, n), make([]bool, n)
	hash, rejected := make([][]byte, n), make([][]byte, n)
	text := func() []string { return make([]string, n) }
	id, links, merged, match, by, request, answer := text(), text(), text(), text(), text(), text(), text()
	sent, tried := encodeSent(rows)
	for i, e := range rows {
		version[i], hash[i], rejected[i], id[i], held[i] = e.Version, hashBytes(&e.Hash), hashBytes(&e.Rejected), e.ID, e.Held
		merged[i], match[i], by[i], made[i] = e.Merged, e.Match, e.MatchedBy, e.Made
		if len(e.Links) > 0 {
			links[i] = encode(e.Links)
		}
		if e.answer != nil {
			answered[i], request[i], answer[i] = true, cleanText(e.answer.Request), cleanText(e.answer.Text)
		}
	}
	return table{keys, version, hash, rejected, id, held, links, merged, match, by, sent, tried, made, answered, request, answer}
}

// The version is never lowered (I4).
const putLedger = `
insert into sluice.ledger as l (pipeline, key, version, hash, rejected, record_id, held, links, merged_from, matched, matched_by, sent, tried, made, request, answer, decided_at, commit_no, updated_at)
select $1, r.key, r.version, r.hash, r.rejected, r.record_id, r.held, r.links, r.merged_from, r.matched, r.matched_by, r.sent, r.tried, r.made,
case when r.answered then r.request end, case when r.answered then r.answer end, case when r.answered then {now} end, $2, {now}
from table($3 r: key text, version bigint, hash bytea, rejected bytea, record_id text, held bool, links jsonb, merged_from text, matched text, matched_by text,
sent jsonb, tried jsonb, made bool, answered bool, request text, answer text) where true
on conflict (pipeline, key) do update set version = excluded.version, hash = excluded.hash, rejected = excluded.rejected,
record_id = excluded.record_id, held = excluded.held, links = excluded.links, merged_from = excluded.merged_from,
matched = excluded.matched, matched_by = excluded.matched_by, sent = excluded.sent, tried = excluded.tried, made = excluded.made,
request = coalesce(excluded.request, l.request), answer = coalesce(excluded.answer, l.answer),
decided_at = coalesce(excluded.decided_at, l.decided_at), commit_no = excluded.commit_no, updated_at = excluded.updated_at
where l.version <= excluded.version`

// recordRow is what is unique of a record.
type recordRow struct{ Object, Property, Value, ID string }

// recordRows returns the columns of the table macro in putRecords and deleteRecords.
func recordRows(rows []recordRow) table {
	values, ids := make([]string, len(rows)), make([]string, len(rows))
	for i := range rows {
		values[i], ids[i] = rows[i].Value, rows[i].ID
	}
	return table{values, ids}
}

// A row that is there already is left alone: to find it costs less than to lock it.
const putRecords = `
insert into sluice.record_id as i (account, object, property, value, record_id)
select $1, $2, $3, r.value, r.record_id
from table($4 r: value text, record_id text)
where (select k.record_id from sluice.record_id k
where k.account = $1 and k.object = $2 and k.property = $3 and k.value = r.value limit 1) is distinct from r.record_id
on conflict (account, object, property, value) do update set record_id = excluded.record_id
where i.record_id <> excluded.record_id`

const deleteRecords = `
delete from sluice.record_id as i where i.account = $1 and i.object = $2 and i.property = $3 and i.value {any:$4}
and exists (select 1 from table($5 r: value text, record_id text) where r.value = i.value and r.record_id in (i.record_id, ''))`

// alike hands on those of the sorted rows together that have the same object and property.
func alike(rows []recordRow) iter.Seq[[]recordRow] {
	return func(yield func([]recordRow) bool) {
		for len(rows) > 0 {
			first, n := rows[0], 1
			for n < len(rows) && rows[n].Object == first.Object && rows[n].Property == first.Property {
				n++
			}
			if !yield(rows[:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// statements returns what puts a patch and the rest of a commit into the tables.
func statements(c *pipeline.Commit, p *patch, number int64) (list []statement) {
	add := func(source string, args ...any) { list = append(list, statement{source, args}) }
	if keys, rows := p.ledger(); len(rows) > 0 {
		add(putLedger, c.Pipeline, number, ledgerRows(keys, rows))
	}
	added, gone := p.linked()
	if len(added) > 0 {
		add(putLinked, c.Pipeline, linkedColumns(added))
	}
	if len(gone) > 0 {
		columns := linkedColumns(gone)
		add(deleteLinked, c.Pipeline, columns[0], columns)
	}
	if keys := p.relinked(); len(keys) > 0 {
		add(deleteWaiting, c.Pipeline, keys)
		if rows := p.waitingRows(c.Account, keys); len(rows) > 0 {
			add(putWaiting, c.Pipeline, encode(rows))
		}
	}
	list = append(list, letterStatements(c, p)...)
	if len(c.Closed) > 0 {
		add(deleteGroups, c.Pipeline, c.Closed)
	}
	add(`update sluice.run set report = $2 where id = $1`, c.Run, encode(&c.Report))
	for rows := range alike(p.forgotten()) {
		columns := recordRows(rows)
		add(deleteRecords, c.Account, rows[0].Object, rows[0].Property, columns[0], columns)
	}
	for rows := range alike(p.records()) {
		add(putRecords, c.Account, rows[0].Object, rows[0].Property, recordRows(rows))
	}
	if c.Throttle != nil {
		list = append(list, saveThrottle(c.Pipeline, c.Epoch, c.Throttle))
	}
	return list
}
