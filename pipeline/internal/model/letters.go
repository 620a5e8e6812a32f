package model

import (
	"context"
	"slices"

	"sluice/pipeline"
)

// The states of a dead letter.
const (
	Open   = "open"
	Held   = "held"
	Closed = "closed"
)

// A Letter is a dead letter: what became of a row that wasn't written, and why.
type Letter struct {
	ID      int64
	Key     string
	Place   string
	Stage   string
	Code    string
	State   string
	LastRun int64
	Answer  pipeline.Answer
}

// says tells whether the letter is open and says the same of the same row.
func (l *Letter) says(r *pipeline.Reject) bool {
	same := l.Key == r.Key && (l.Key != "" || l.Place == r.Place.String())
	return same && l.State != Closed && l.Stage == r.Stage && l.Code == r.Code
}

// letters are what one commit says of dead letters: what is closed comes first. Beside them stand the waiting links of the
// rows that it says something about.
type letters struct {
	opened []opened
	closed []pipeline.Reject
	filled map[string][]pipeline.LinkChange
}

type opened struct {
	pipeline.Reject
	state string
}

// open says that a row isn't written. The later of two that say the same takes the earlier one's place.
func (s *letters) open(r pipeline.Reject, state string) {
	same := Letter{Key: r.Key, Place: r.Place.String(), Stage: r.Stage, Code: r.Code}
	for i := range s.opened {
		if same.says(&s.opened[i].Reject) {
			s.opened[i] = opened{r, state}
			return
		}
	}
	s.opened = append(s.opened, opened{r, state})
}

// close ends all letters of a key but the one of the stage and code.
func (s *letters) close(key, stage, code string) {
	s.closed = append(s.closed, pipeline.Reject{Key: key, Stage: stage, Code: code})
}

// refuse opens the decision's letter in place of any other of its key.
func (s *letters) refuse(d *pipeline.Decision, state string) {
	if d.Reject == nil {
		return
	}
	r := *d.Reject
	r.Key = d.Key
	s.open(r, state)
	s.close(r.Key, r.Stage, r.Code)
}

// closePlanned ends the letter of a row that a saved plan's run has refused, as the row can't be written for another reason; the
// caller holds mu.
func (s *Store) closePlanned(key string) {
	for _, l := range s.letters {
		if key != "" && l.Key == key && l.Code == pipeline.PlanChanged {
			l.State = Closed
		}
	}
}

// write applies what a commit says; the caller holds mu.
func (s *Store) write(said *letters, run int64) {
	for _, l := range s.letters {
		for _, c := range said.closed {
			if l.State != Closed && l.Key == c.Key && (l.Stage != c.Stage || l.Code != c.Code) {
				l.State = Closed
			}
		}
	}
	for _, o := range said.opened {
		at := slices.IndexFunc(s.letters, func(l *Letter) bool { return l.says(&o.Reject) })
		if at < 0 {
			s.letters = append(s.letters, &Letter{ID: int64(len(s.letters) + 1), Key: o.Key, Place: o.Place.String(), Stage: o.Stage, Code: o.Code, State: o.state, LastRun: run, Answer: o.Answer})
			continue
		}
		l := s.letters[at]
		l.State, l.LastRun, l.Answer = o.state, run, o.Answer
		if place := o.Place.String(); place != "" {
			l.Place = place
		}
	}
}

// remembered tells whether the letter is of a refusal that the ledger remembers.
func (l *Letter) remembered() bool {
	return l.Stage == pipeline.StageSink || l.Stage == pipeline.StageLink && l.Code != pipeline.ParkedTooLong
}

// touch notes that what letters say is still true that no run tells of anew; the caller holds mu.
func (s *Store) touch(keys []string, run int64) {
	for _, l := range s.letters {
		if l.remembered() && l.State != Closed && slices.Contains(keys, l.Key) {
			l.LastRun = run
		}
	}
}

// closeUnseen closes the open letters of rows that a run over all rows hasn't seen; the caller holds mu.
func (s *Store) closeUnseen(run int64) {
	met := map[string]bool{}
	for _, l := range s.letters {
		if l.State == Open && l.LastRun == run && l.remembered() && l.Stage == pipeline.StageLink {
			met[l.Key] = true
		}
	}
	for _, l := range s.letters {
		if l.State != Open || l.LastRun == run {
			continue
		}
		if e := s.ledger[l.Key]; e != nil && l.remembered() && !met[l.Key] && e.Rejected != (pipeline.Hash{}) && !e.Held {
			forget(e)
		}
		l.State = Closed
	}
}

// closeParked closes the open letters of links that have waited too long and that a run hasn't opened; the caller holds mu.
func (s *Store) closeParked(run int64) {
	for _, l := range s.letters {
		if l.State == Open && l.Stage == pipeline.StageLink && l.Code == pipeline.ParkedTooLong && l.LastRun != run {
			l.State = Closed
		}
	}
}

// forget makes a row one that is sent again.
func forget(e *pipeline.Entry) {
	if e.Held || e.Hash == e.Rejected {
		e.Hash = pipeline.Hash{}
	}
	e.Rejected, e.Held = pipeline.Hash{}, false
}

// Letters returns the dead letters that aren't closed, or all of them, newest first.
func (s *Store) Letters(closed bool) []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Letter
	for _, l := range slices.Backward(s.letters) {
		if closed || l.State != Closed {
			list = append(list, *l)
		}
	}
	return list
}

// Earlier counts the letters of earlier runs since the last that was done; see pipeline.Store.
func (s *Store) Earlier(_ context.Context, _ string, run int64, whole bool) (n int64, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.letters {
		left := l.State == Held || l.State == Open && !whole
		if left && l.Code != pipeline.ParkedTooLong && l.LastRun > s.done && l.LastRun < run {
			n++
		}
	}
	return n, nil
}

// Retry forgets that the row of a dead letter was refused, so that it is read and sent again. The letter stays open
// until that is decided.
func (s *Store) Retry(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.letters {
		if l.ID != id || l.State == Closed {
			continue
		}
		s.reread = true
		if e := s.ledger[l.Key]; e != nil && l.Key != "" && (l.State == Held || !e.Held) {
			forget(e)
		}
		l.State = Open
	}
}
