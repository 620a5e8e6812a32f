package state

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/pipeline"
)

// waitingRow is a row of the rows macro in putWaiting.
type waitingRow struct {
	Key          string `json:"key"`
	Slot         string `json:"slot"`
	Remove       bool   `json:"remove"`
	From         string `json:"from_end"`
	To           string `json:"to_end"`
	Account      string `json:"account"`
	Label        string `json:"label"`
	FromObject   string `json:"from_object"`
	FromID       string `json:"from_id"`
	FromProperty string `json:"from_property"`
	FromValue    string `json:"from_value"`
	ToObject     string `json:"to_object"`
	ToID         string `json:"to_id"`
	ToProperty   string `json:"to_property"`
	ToValue      string `json:"to_value"`
	Since        int64  `json:"since,omitempty"` // microseconds since 1970; 0: now
}

func newWaitingRow(account string, l *pipeline.LinkChange) waitingRow {
	row := waitingRow{Key: l.Key, Slot: l.Slot, Remove: l.Remove, From: l.From.Name(), To: l.To.Name(), Account: account, Label: l.Label,
		FromObject: l.From.Object, FromID: l.From.ID, FromProperty: l.From.Property, FromValue: l.From.Value,
		ToObject: l.To.Object, ToID: l.To.ID, ToProperty: l.To.Property, ToValue: l.To.Value}
	if !l.Since.IsZero() {
		row.Since = l.Since.UnixMicro()
	}
	return row
}

const deleteWaiting = `
delete from sluice.waiting where keyed(sluice.waiting $1 $2: true)`

const putWaiting = `
insert into sluice.waiting (pipeline, key, slot, remove, from_end, to_end, account, label,
from_object, from_id, from_property, from_value, to_object, to_id, to_property, to_value, since)
select $1, r.key, r.slot, r.remove, r.from_end, r.to_end, r.account, r.label,
r.from_object, r.from_id, r.from_property, r.from_value, r.to_object, r.to_id, r.to_property, r.to_value, coalesce({time:r.since}, {now})
from rows($2 r: key text, slot text, remove bool, from_end text, to_end text, account text, label text,
from_object text, from_id text, from_property text, from_value text, to_object text, to_id text, to_property text, to_value text,
since bigint)`

// waitingRows returns the links that keys wait for from now on. Of links that are the same but for their label, the last counts.
func (p *patch) waitingRows(account string, keys []string) (rows []waitingRow) {
	for _, key := range keys {
		list := p.rows[key].waiting
		for i := range list {
			if i+1 < len(list) && list[i].Compare(list[i+1]) == 0 {
				continue
			}
			rows = append(rows, newWaitingRow(account, &list[i]))
		}
	}
	return rows
}

// selectWaiting reads what scanLink scans, of the waiting links as w: the ids of the ends as they were asked for, and as they
// are known now.
const selectWaiting = `
select w.key, w.slot, w.remove, w.label,
w.from_object, w.from_id, coalesce(case when w.from_value <> ''
	then (select i.record_id from sluice.record_id i where i.account = w.account and i.object = w.from_object and i.property = w.from_property and i.value = w.from_value)
	when w.from_id = ''
	then (select l.record_id from sluice.ledger l where l.pipeline = w.pipeline and l.key = w.key)
	end, ''), w.from_property, w.from_value,
w.to_object, w.to_id, coalesce(case when w.to_value <> ''
	then (select i.record_id from sluice.record_id i where i.account = w.account and i.object = w.to_object and i.property = w.to_property and i.value = w.to_value)
	end, ''), w.to_property, w.to_value, {micros:w.since},
(select l.links from sluice.ledger l where l.pipeline = w.pipeline and l.key = w.key)
from sluice.waiting w
`

const (
	selectWaitingPage = selectWaiting + `
where w.pipeline = $1 and (w.key, w.slot, w.remove, w.from_end, w.to_end) > ($2, $3, $4, $5, $6)
order by w.key, w.slot, w.remove, w.from_end, w.to_end limit $7`
	selectWaitingOf = selectWaiting + `
where keyed(sluice.waiting $1 $2: true)
order by w.key, w.slot, w.remove, w.from_end, w.to_end`
)

func scanLink(scan scan) (l pipeline.LinkChange, err error) {
	var asked, now [2]string // ids of the ends
	var links []byte
	var since int64
	err = scan(&l.Key, &l.Slot, &l.Remove, &l.Label, &l.From.Object, &asked[0], &now[0], &l.From.Property, &l.From.Value,
		&l.To.Object, &asked[1], &now[1], &l.To.Property, &l.To.Value, &since, &links)
	if since > 0 {
		l.Since = time.UnixMicro(since)
	}
	var states []pipeline.LinkState
	if err == nil && len(links) > 0 {
		err = json.Unmarshal(links, &states)
	}
	if err != nil {
		return l, err
	}
	// What is written stays known by its ids. Until then, a record may have been made anew.
	l.From.ID, l.To.ID = cmp.Or(asked[0], now[0]), cmp.Or(asked[1], now[1])
	if l.Was = stateOf(states, &l); l.Was == nil {
		l.From.ID, l.To.ID = cmp.Or(now[0], asked[0]), cmp.Or(now[1], asked[1])
		l.Was = stateOf(states, &l)
	}
	return l, nil
}

// stateOf returns what the ledger shows of a link; nil for nothing.
func stateOf(states []pipeline.LinkState, l *pipeline.LinkChange) *pipeline.LinkState {
	if l.From.ID == "" || l.To.ID == "" {
		return nil
	}
	for i := len(states) - 1; i >= 0; i-- {
		if states[i].Of(l.Slot, l.From.ID, l.To.ID) {
			return &states[i]
		}
	}
	return nil
}

// Waiting returns a page of the links that are waiting; see pipeline.Store.
func (s *store) Waiting(ctx context.Context, name string, after *pipeline.LinkChange, limit int) ([]pipeline.LinkChange, error) {
	from := cmp.Or(after, &pipeline.LinkChange{})
	var list []pipeline.LinkChange
	err := s.db.view(ctx, func(v session) error {
		list = nil
		return v.query(ctx, func(scan scan) error {
			l, err := scanLink(scan)
			list = append(list, l)
			return err
		}, selectWaitingPage, name, from.Key, from.Slot, from.Remove, from.From.Name(), from.To.Name(), limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read waiting links of %q: %w", name, err)
	}
	return list, nil
}

// waitingOf returns the links that keys are waiting for, by key, in stable order.
func waitingOf(ctx context.Context, tx session, name string, keys []string) (map[string][]pipeline.LinkChange, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	waiting := map[string][]pipeline.LinkChange{}
	return waiting, tx.query(ctx, func(scan scan) error {
		l, err := scanLink(scan)
		waiting[l.Key] = append(waiting[l.Key], l)
		return err
	}, selectWaitingOf, name, keys)
}
