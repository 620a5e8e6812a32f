package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/pipeline"
)

// Known returns the ledger's entries for keys; see pipeline.Store.
func (s *store) Known(ctx context.Context, name string, keys []string) ([]pipeline.Entry, error) {
	list := make([]pipeline.Entry, len(keys))
	err := s.db.parts(ctx, len(keys), func(v session, from, to int) error {
		part, err := entries(ctx, v, name, keys[from:to])
		copy(list[from:to], part)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger of %q: %w", name, err)
	}
	return list, nil
}

// entryColumns are what scanEntry reads, of the ledger as l of the pipeline $1.
const entryColumns = `l.version, l.hash, l.rejected, l.record_id, l.merged_from, l.matched, l.matched_by, l.held, l.links, l.sent, l.tried, l.made, ` + waits

// waits tells whether links of the ledger's row l of the pipeline $1 wait. That anything waits at all is asked once, so that
// where nothing does it costs nothing. Asked whether a row exists, Postgres may first collect all keys that wait.
const waits = `(select 1 from sluice.waiting a where a.pipeline = $1 limit 1) is not null
and (select 1 from sluice.waiting w where w.pipeline = l.pipeline and w.key = l.key limit 1) is not null`

const (
	selectEntries = `select r.n, ` + entryColumns + ` from texts($2 r) cross join each(sluice.ledger l: l.pipeline = $1 and l.key = r.key)`
	// Whose the record is comes last, and stays.
	selectOwners = `
select l.record_id, l.key from texts($2 r)
cross join each(sluice.ledger l: {+}l.pipeline = $1 and l.record_id = r.key and l.record_id <> '')
order by l.merged_from <> '' desc, l.rejected is not null desc, l.hash is null desc, l.key desc`
	selectRecords = `
select i.value, i.record_id from texts($4 r)
cross join each(sluice.record_id i: i.account = $1 and i.object = $2 and i.property = $3 and i.value = r.key)`
)

// An entryScan reads one row of entryColumns after another.
type entryScan struct {
	entry                              pipeline.Entry
	hash, rejected, links, sent, tried []byte
	dest                               []any
}

// newEntryScan returns a scan of the columns in first and of entryColumns.
func newEntryScan(first any) *entryScan {
	e := &entryScan{}
	e.dest = []any{first, &e.entry.Version, &e.hash, &e.rejected, &e.entry.ID, &e.entry.Merged, &e.entry.Match, &e.entry.MatchedBy, &e.entry.Held, &e.links, &e.sent, &e.tried, &e.entry.Made, &e.entry.Waiting}
	return e
}

func (e *entryScan) read(scan scan) (pipeline.Entry, error) {
	if err := scan(e.dest...); err != nil {
		return pipeline.Entry{}, err
	}
	entry := e.entry
	entry.Hash, entry.Rejected = toHash(e.hash), toHash(e.rejected)
	var err error
	if len(e.links) > 0 {
		err = json.Unmarshal(e.links, &entry.Links)
	}
	if err == nil {
		entry.Sent, err = decodeSent(e.sent)
	}
	if len(e.tried) > 0 && err == nil {
		err = json.Unmarshal(e.tried, &entry.Tried)
	}
	return entry, err
}

// entries returns the ledger's entries for keys, in their order.
func entries(ctx context.Context, v session, name string, keys []string) ([]pipeline.Entry, error) {
	list := make([]pipeline.Entry, len(keys))
	if len(keys) == 0 {
		return list, nil
	}
	if err := checkText("key", keys...); err != nil {
		return nil, err
	}
	var n int
	row := newEntryScan(&n)
	return list, v.query(ctx, func(scan scan) (err error) {
		e, err := row.read(scan)
		list[n-1] = e
		return err
	}, selectEntries, name, keys)
}

// Ledger returns a page of the ledger, by key; see pipeline.Store.
func (s *store) Ledger(ctx context.Context, name, after string, limit int) ([]pipeline.KeyedEntry, error) {
	var list []pipeline.KeyedEntry
	err := s.db.view(ctx, func(v session) error {
		list = nil
		var key string
		row := newEntryScan(&key)
		return v.query(ctx, func(scan scan) error {
			e, err := row.read(scan)
			list = append(list, pipeline.KeyedEntry{Key: key, Entry: e})
			return err
		}, `select l.key, `+entryColumns+` from sluice.ledger l where l.pipeline = $1 and l.key > $2 order by l.key limit $3`, name, after, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger of %q: %w", name, err)
	}
	return list, nil
}

// Keys returns a page of the ledger's keys; see pipeline.Store.
func (s *store) Keys(ctx context.Context, name, after string, limit int) ([]string, error) {
	var list []string
	err := s.db.view(ctx, func(v session) error {
		list = make([]string, 0, min(limit, 1000))
		var key string
		dest := []any{&key}
		return v.query(ctx, func(scan scan) error {
			err := scan(dest...)
			list = append(list, key)
			return err
		}, `select l.key from sluice.ledger l where l.pipeline = $1 and l.key > $2 order by l.key limit $3`, name, after, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger of %q: %w", name, err)
	}
	return list, nil
}

// hasLinks tells whether the ledger's row l of the pipeline $1 has links, or waits for some.
const hasLinks = `(l.links is not null or ` + waits + `)`

// Holdings returns what keys stand for; see pipeline.Store.
func (s *store) Holdings(ctx context.Context, name string, keys []string) ([]pipeline.Holding, error) {
	keys = fitting(keys)
	list := make([]pipeline.Holding, len(keys))
	err := s.db.parts(ctx, len(keys), func(v session, from, to int) error {
		var n int
		var h pipeline.Holding
		dest := []any{&n, &h.Key, &h.Record, &h.Made, &h.Linked}
		return v.query(ctx, func(scan scan) error {
			err := scan(dest...)
			list[from+n-1] = h
			return err
		}, `select r.n, l.key, l.record_id <> '', l.made, `+hasLinks+`
from texts($2 r) cross join each(sluice.ledger l: l.pipeline = $1 and l.key = r.key)`, name, keys[from:to])
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger of %q: %w", name, err)
	}
	return slices.DeleteFunc(list, func(h pipeline.Holding) bool { return h == pipeline.Holding{} }), nil
}

// CountHoldings counts the keys that stand for something; see pipeline.Store.
func (s *store) CountHoldings(ctx context.Context, name string) (n int64, err error) {
	err = s.db.view(ctx, func(v session) error {
		_, err := one(ctx, v, []any{&n}, `select count(*) from sluice.ledger l where l.pipeline = $1 and (l.record_id <> '' or `+hasLinks+`)`, name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count the ledger of %q: %w", name, err)
	}
	return n, nil
}

// Owners returns the keys of records; see pipeline.Store.
func (s *store) Owners(ctx context.Context, name string, ids []string) (map[string]string, error) {
	return s.pairs(ctx, ids, selectOwners, name)
}

// Records returns the ids of records; see pipeline.Store.
func (s *store) Records(ctx context.Context, account, object, property string, values []string) (map[string]string, error) {
	return s.pairs(ctx, values, selectRecords, account, object, property)
}

// pairs looks texts up by a query that is given args and the texts.
func (s *store) pairs(ctx context.Context, texts []string, source string, args ...any) (map[string]string, error) {
	found := map[string]string{}
	texts = fitting(texts)
	if len(texts) == 0 {
		return found, nil
	}
	err := s.db.view(ctx, func(v session) error {
		clear(found)
		return v.query(ctx, func(scan scan) error {
			var from, to string
			if err := scan(&from, &to); err != nil {
				return err
			}
			found[from] = to
			return nil
		}, source, append(args[:len(args):len(args)], texts)...)
	})
	if err != nil {
		return nil, fmt.Errorf("look up records: %w", err)
	}
	return found, nil
}

// fitting returns the texts that a database can hold: the others can't be in it.
func fitting(texts []string) []string {
	for i, t := range texts {
		if !isText(t) {
			list := append([]string{}, texts[:i]...)
			for _, t := range texts[i+1:] {
				if isText(t) {
					list = append(list, t)
				}
			}
			return list
		}
	}
	return texts
}
