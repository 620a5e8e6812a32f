package state

import (
	"context"
	"slices"

	"sluice/pipeline"
)

// The states of a dead letter.
const (
	stateOpen   = "open"
	stateHeld   = "held"
	stateClosed = "closed"
)

// A letter is a row of the rows macro in putLetters. The subject is the key, or the place of a row whose key isn't known;
// with stage and code it tells open dead letters apart.
type letter struct {
	Subject string `json:"subject"`
	Key     string `json:"key"`
	Place   string `json:"place"`
	Stage   string `json:"stage"`
	Code    string `json:"code"`
	Message string `json:"message"`
	State   string `json:"state"`
	pipeline.Answer
}

// A closing ends all dead letters of a key, but for that of the stage and code, if they are set.
type closing struct {
	Key   string `json:"key"`
	Stage string `json:"stage"`
	Code  string `json:"code"`
}

// reject opens a dead letter, or touches the open one that says the same.
func (p *patch) reject(r *pipeline.Reject, state string) {
	l := letter{Key: cleanText(r.Key), Place: cleanText(r.Place.String()), Stage: r.Stage, Code: r.Code, State: state}
	l.Request, l.Text = cleanText(r.Answer.Request), cleanText(r.Answer.Text)
	l.Subject = "key " + l.Key
	if l.Key == "" {
		l.Subject = "place " + l.Place
	}
	if r.Err != nil {
		l.Message = cleanText(r.Err.Error())
	}
	id := [...]string{l.Subject, l.Stage, l.Code}
	if at, again := p.opened[id]; again {
		p.open[at] = l
		return
	}
	p.opened[id] = len(p.open)
	p.open = append(p.open, l)
}

// A row that was sent again may be refused for another reason: the new dead letter follows the one that is closed by the
// same run.
const putLetters = `
insert into sluice.dead_letter as d (pipeline, subject, key, place, stage, code, message, state, run, last_run, first_at, last_at, request, answer, follows)
select $1, r.subject, r.key, r.place, r.stage, r.code, r.message, r.state, $3, $3, {now}, {now},
coalesce(r.request, ''), coalesce(r.answer, ''),
(select o.id from sluice.dead_letter o where o.pipeline = $1 and o.key = r.key and o.key <> '' and o.retried_at is not null and o.last_run = $3
order by o.id desc limit 1)
from rows($2 r: subject text, key text, place text, stage text, code text, message text, state text, request text, answer text) where true
on conflict (pipeline, subject, stage, code) where state <> 'closed' do update set
place = case when excluded.place = '' then d.place else excluded.place end,
message = excluded.message, state = excluded.state, last_run = excluded.last_run, last_at = excluded.last_at,
request = excluded.request, answer = excluded.answer`

const countEarlier = `
select count(*) from sluice.dead_letter where pipeline = $1 and state <> 'closed' and (state = 'held' or not $3) and code <> '` + pipeline.ParkedTooLong + `'
and last_run < $2 and last_run > coalesce((select max(id) from sluice.run where pipeline = $1 and status = '` + pipeline.StatusDone + `'), 0)`

// Earlier counts the open dead letters of earlier runs; see pipeline.Store.
func (s *store) Earlier(ctx context.Context, name string, run int64, whole bool) (n int64, err error) {
	err = s.db.view(ctx, func(v session) error {
		_, err := one(ctx, v, []any{&n}, countEarlier, name, run, whole)
		return err
	})
	return n, err
}

const closeLetters = `
update sluice.dead_letter as d set state = 'closed', closed_at = {now}, last_run = $4
where keyed(sluice.dead_letter $1 $3: state <> 'closed')
and (select 1 from rows($2 r: key text, stage text, code text) where r.key = d.key and not (r.stage = d.stage and r.code = d.code) limit 1) is not null`

// What a saved plan's run has refused isn't remembered as wrong, so that a row that can't be written for another reason needs no
// other letter.
const closePlanned = `
update sluice.dead_letter set state = 'closed', closed_at = {now}, last_run = $3
where keyed(sluice.dead_letter $1 $2: state <> 'closed' and code = '` + pipeline.PlanChanged + `')`

// remembered is what the ledger remembers of a refusal. What stages before the sink refuse, and links that wait for too long, each
// run tells of anew.
const remembered = `stage in ('` + pipeline.StageSink + `', '` + pipeline.StageLink + `') and code <> '` + pipeline.ParkedTooLong + `'`

const touchLetters = `
update sluice.dead_letter set last_run = $3, last_at = {now}
where keyed(sluice.dead_letter $1 $2: state <> 'closed') and ` + remembered

// letterStatements closes what is settled, opens what isn't, and touches what was seen again.
func letterStatements(c *pipeline.Commit, p *patch) (list []statement) {
	if p.lettered && len(p.close) > 0 {
		keys := make([]string, len(p.close))
		for i := range p.close {
			keys[i] = p.close[i].Key
		}
		list = append(list, statement{closeLetters, []any{c.Pipeline, encode(p.close), keys, c.Run}})
	}
	if keys := outsidePlans(c); p.lettered && len(keys) > 0 {
		list = append(list, statement{closePlanned, []any{c.Pipeline, keys, c.Run}})
	}
	if len(p.open) > 0 {
		list = append(list, statement{putLetters, []any{c.Pipeline, encode(p.open), c.Run}})
	}
	if len(c.Seen) > 0 {
		list = append(list, statement{touchLetters, []any{c.Pipeline, c.Seen, c.Run}})
	}
	return list
}

// outsidePlans returns the keys of rows that can't be written, and not for want of a saved plan that has them.
func outsidePlans(c *pipeline.Commit) []string {
	keys := slices.Clone(c.Seen)
	for i := range c.Rejects {
		if r := &c.Rejects[i]; r.Key != "" && r.Code != pipeline.PlanChanged && isText(r.Key) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}
