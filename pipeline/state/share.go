package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/pipeline"
)

// The table linked is an index of the links in the ledger, by the two records that they are between. It changes with the
// ledger's rows, in the same transaction.

// linkedRow is a row of it, of the commit's pipeline.
type linkedRow struct{ Pair, Key string }

// pairName names two records, whichever way round.
func pairName(from, to string) string { return min(from, to) + " " + max(from, to) }

// pairsOf returns the names of the pairs of links, sorted and each once.
func pairsOf(links []pipeline.LinkState) []string {
	names := make([]string, len(links))
	for i := range links {
		names[i] = pairName(links[i].FromID, links[i].ToID)
	}
	return distinct(names)
}

// linked returns the rows of the index that a patch adds and takes away.
func (p *patch) linked() (added, gone []linkedRow) {
	for _, key := range p.keys {
		e := p.rows[key]
		if slices.Equal(e.had, e.Links) {
			continue
		}
		had, has := pairsOf(e.had), pairsOf(e.Links)
		for _, pair := range has {
			if !slices.Contains(had, pair) {
				added = append(added, linkedRow{pair, key})
			}
		}
		for _, pair := range had {
			if !slices.Contains(has, pair) {
				gone = append(gone, linkedRow{pair, key})
			}
		}
	}
	return added, gone
}

// linkedColumns returns the columns of the table macro in putLinked and deleteLinked.
func linkedColumns(rows []linkedRow) table {
	pairs, keys := make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		pairs[i], keys[i] = r.Pair, r.Key
	}
	return table{pairs, keys}
}

const putLinked = `
insert into sluice.linked (pair, pipeline, key)
select r.pair, $1, r.key from table($2 r: pair text, key text) where true
on conflict (pair, pipeline, key) do nothing`

// That it is true is asked so that Postgres hashes the list, instead of going through all of it for each row.
const deleteLinked = `
delete from sluice.linked as i where i.pipeline = $1 and i.pair {any:$2}
and ((i.pair, i.key) in (select r.pair, r.key from table($3 r: pair text, key text))) is true`

const selectSharers = `
select i.pipeline, i.key, l.links from texts($1 r)
cross join each(sluice.linked i: i.pair = r.key)
cross join each(sluice.ledger l: l.pipeline = i.pipeline and l.key = i.key)
order by i.pipeline, i.key`

// Sharers returns what ledgers show of links between records; see pipeline.Store.
func (s *store) Sharers(ctx context.Context, name string, pairs [][2]string) ([]pipeline.SharedLink, error) {
	var names []string
	for _, p := range pairs {
		names = append(names, pairName(p[0], p[1]))
	}
	if names = fitting(distinct(names)); len(names) == 0 {
		return nil, nil
	}
	var shared []pipeline.SharedLink
	err := s.db.view(ctx, func(v session) error {
		shared = nil
		last := [2]string{}
		return v.query(ctx, func(scan scan) error {
			var of, key string
			var links []byte
			if err := scan(&of, &key, &links); err != nil {
				return err
			}
			if last == [2]string{of, key} {
				return nil // it has several of the pairs
			}
			last = [2]string{of, key}
			return eachShared(links, names, func(l pipeline.LinkState) {
				if of != name {
					key = ""
				}
				shared = append(shared, pipeline.SharedLink{Key: key, LinkState: l})
			})
		}, selectSharers, names)
	})
	if err != nil {
		return nil, fmt.Errorf("look up who has links of the same records: %w", err)
	}
	return shared, nil
}

// eachShared hands on those of a ledger row's links that are between records of the given names, which are sorted.
func eachShared(links []byte, names []string, each func(pipeline.LinkState)) error {
	if len(links) == 0 {
		return nil
	}
	var states []pipeline.LinkState
	if err := json.Unmarshal(links, &states); err != nil {
		return err
	}
	for _, l := range states {
		if _, ok := slices.BinarySearch(names, pairName(l.FromID, l.ToID)); ok {
			each(l)
		}
	}
	return nil
}
