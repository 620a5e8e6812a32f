package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/pipeline"
)

// PipelineStatus is what the state holds of one pipeline.
type PipelineStatus struct {
	Pipeline     string    `json:"pipeline"`
	Account      string    `json:"account"`               // that its last run wrote to
	Runs         []Run     `json:"runs"`                  // the last five, newest first
	Checkpoint   bool      `json:"checkpoint"`            // the next run goes on where the last one ended
	CheckpointAt time.Time `json:"updated_at,omitzero"`   // of the last commit
	FullAt       time.Time `json:"full_at,omitzero"`      // when the last run began that has read the source from its first row to its last
	Ledger       int64     `json:"ledger"`                // keys
	Rejects      int64     `json:"rejects"`               // open dead letters
	Held         int64     `json:"held"`                  // dead letters that wait for a person
	Doubtful     int64     `json:"doubtful"`              // intents without a known outcome
	Waiting      int64     `json:"parked"`                // links that are waiting to be written
	WaitingSince time.Time `json:"parked_since,omitzero"` // when the first of them began to
	Lease        *Lease    `json:"running_by,omitempty"`  // nil: nobody is running it
}

// A Run is one run of a pipeline.
type Run struct {
	ID      int64           `json:"id"`
	Status  string          `json:"status"` // "running", "killed", or as in pipeline.Finish
	Message string          `json:"message,omitempty"`
	Started time.Time       `json:"started"`
	Ended   time.Time       `json:"ended,omitzero"`
	Report  pipeline.Report `json:"report"`
}

// A Lease is the right to run a pipeline. Its holder is certainly alive only where it was renewed lately.
type Lease struct {
	Holder  string    `json:"holder"` // host and process
	Since   time.Time `json:"since"`
	Renewed time.Time `json:"renewed"`
}

// runsShown is the number of runs in a PipelineStatus.
const runsShown = 5

// Status returns what the state holds of every pipeline.
func (s *store) Status(ctx context.Context) ([]PipelineStatus, error) {
	var list []PipelineStatus
	err := s.db.view(ctx, func(v session) error {
		list = nil
		if err := v.query(ctx, func(scan scan) error {
			p, err := s.scanStatus(scan)
			list = append(list, p)
			return err
		}, statusQuery); err != nil {
			return err
		}
		for i := range list {
			if err := detail(ctx, v, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	return list, nil
}

const statusQuery = `
select p.name, p.account, g.position is not null and not g.reread, {micros:g.updated_at}, {micros:g.full_at},
(select count(*) from sluice.ledger l where l.pipeline = p.name),
(select count(*) from sluice.dead_letter d where d.pipeline = p.name and d.state = 'open'),
(select count(*) from sluice.dead_letter d where d.pipeline = p.name and d.state = 'held'),
(select count(*) from sluice.waiting w where w.pipeline = p.name),
{micros:(select min(w.since) from sluice.waiting w where w.pipeline = p.name)},
e.holder, e.expires_at is not null, coalesce(e.expires_at > {now}, false), {micros:e.granted_at}, {micros:e.renewed_at}
from sluice.pipeline p join sluice.progress g on g.pipeline = p.name join sluice.lease e on e.pipeline = p.name
order by p.name`

func (s *store) scanStatus(scan scan) (p PipelineStatus, err error) {
	var updated, full, waiting, granted, renewed *int64
	var l Lease
	var taken, live bool
	err = scan(&p.Pipeline, &p.Account, &p.Checkpoint, &updated, &full, &p.Ledger, &p.Rejects, &p.Held, &p.Waiting, &waiting,
		&l.Holder, &taken, &live, &granted, &renewed)
	p.CheckpointAt, p.FullAt = fromMicros(updated), fromMicros(full)
	if waiting != nil && *waiting > 0 { // SQLite's 1970 stands for a time before it was noted
		p.WaitingSince = fromMicros(waiting)
	}
	if l.Since, l.Renewed = fromMicros(granted), fromMicros(renewed); taken && s.db.alive(l.Holder, live) {
		p.Lease = &l
	}
	return p, err
}

// detail adds the doubts and the runs.
func detail(ctx context.Context, v session, p *PipelineStatus) error {
	open, err := doubts(ctx, v, p.Pipeline)
	if err != nil {
		return err
	}
	undecided := map[string]bool{}
	for _, d := range open {
		if !d.Decided {
			undecided[d.Key] = true
		}
	}
	p.Doubtful = int64(len(undecided))
	return v.query(ctx, func(scan scan) error {
		r, err := scanRun(scan)
		if r.Status == "running" && p.Lease == nil {
			r.Status = "killed"
		}
		p.Runs = append(p.Runs, r)
		return err
	}, `
select id, status, message, {micros:started_at}, {micros:ended_at}, report
from sluice.run where pipeline = $1 order by id desc limit $2`, p.Pipeline, runsShown)
}

func scanRun(scan scan) (r Run, err error) {
	var started, ended *int64
	var report []byte
	if err = scan(&r.ID, &r.Status, &r.Message, &started, &ended, &report); err != nil {
		return r, err
	}
	r.Started, r.Ended = fromMicros(started), fromMicros(ended)
	if len(report) > 0 {
		err = json.Unmarshal(report, &r.Report)
	}
	return r, err
}
