package hubspottest

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"time"
)

// A Request is one request as it arrived.
type Request struct {
	Seq    int64     `json:"seq"` // from 1
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`  // with the query
	Token  string    `json:"token"` // the first 16 hex digits of its SHA-256
	Body   []byte    `json:"body,omitempty"`
	Traces []string  `json:"traces,omitempty"` // objectWriteTraceIds of the inputs; nil once the body was dropped
	Status int       `json:"status"`           // of the answer; 0 if none was sent
	Fault  string    `json:"fault,omitempty"`  // the fault that hit it
}

// A Write is one change that took effect.
type Write struct {
	Seq     int64     `json:"seq"` // from 1
	Time    time.Time `json:"time"`
	Request int64     `json:"request"` // Seq of the request; 0 for an admin's change
	By      string    `json:"by"`      // api or admin
	Action  string    `json:"action"`  // create, update, archive, merge, delete, link, unlink
	Object  string    `json:"object"`  // plural name of the type
	ID      string    `json:"id"`
	Trace   string    `json:"trace,omitempty"`

	// Properties are those that the write set; "" is a cleared one.
	Properties map[string]string `json:"properties,omitempty"`

	// For link and unlink: the other end and the types of the link, seen from the first.
	ToObject string   `json:"toObject,omitempty"`
	ToID     string   `json:"toId,omitempty"`
	Types    []string `json:"types,omitempty"` // such as HUBSPOT_DEFINED/279
}

// Stats counts what happened since New or Reset. The counters stay when logs are bounded.
type Stats struct {
	Requests int64            `json:"requests"`
	Limited  int64            `json:"limited"` // answered 429 by a quota
	Faulted  int64            `json:"faulted"`
	Statuses map[int]int64    `json:"statuses"`
	Writes   map[string]int64 `json:"writes"` // by "object action", such as "contacts create"

	// Duplicates counts, for each object type of Options.BusinessKeys, the values held by several live records.
	Duplicates map[string]int `json:"duplicates"`
}

// A journal keeps the requests and writes, bounded.
type journal struct {
	requests ring[Request]
	writes   ring[entry]
	bodies   int // bytes kept
	bodyCap  int
	oldest   int64 // Seq of the oldest request that may have a body
	seq      int64
	written  int64
	stats    Stats
}

// An entry is a Write before it is made readable.
type entry struct {
	seq    int64
	w      writer
	action string
	t, to  *objectType
	id, b  int64
	trace  string
	set    []value
	types  []*assocType
}

func newJournal(o Options) journal {
	return journal{
		requests: ring[Request]{most: o.RequestLog}, writes: ring[entry]{most: o.WriteLog}, bodyCap: o.BodyLog, oldest: 1,
		stats: Stats{Statuses: make(map[int]int64), Writes: make(map[string]int64)},
	}
}

// A ring keeps the newest entries, up to most of them.
type ring[T any] struct {
	most  int
	list  []T
	first int // place of the oldest
	total int64
}

func (r *ring[T]) add(v T) {
	r.total++
	switch {
	case r.most <= 0:
	case len(r.list) < r.most:
		r.list = append(r.list, v)
	default:
		r.list[r.first] = v
		r.first = (r.first + 1) % r.most
	}
}

// at returns the n-th entry that was ever added, from 1, or nil if it was dropped.
func (r *ring[T]) at(n int64) *T {
	if oldest := r.total - int64(len(r.list)) + 1; n < oldest || n > r.total {
		return nil
	} else {
		return &r.list[(r.first+int(n-oldest))%len(r.list)]
	}
}

// each calls fn with every entry, the oldest first.
func (r *ring[T]) each(fn func(*T)) {
	for i := range r.list {
		fn(&r.list[(r.first+i)%len(r.list)])
	}
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:8])
}

// request enters a request and returns its number.
func (j *journal) request(c *call) int64 {
	j.seq++
	j.stats.Requests++
	if j.requests.most <= 0 {
		return j.seq
	}
	r := Request{Seq: j.seq, Time: c.now, Method: c.r.Method, Path: c.r.URL.RequestURI(), Token: tokenHash(c.bearer)}
	if len(c.body) <= j.bodyCap {
		r.Body = c.body
	}
	if old := j.requests.at(j.seq - int64(j.requests.most)); old != nil {
		j.bodies -= len(old.Body)
	}
	j.requests.add(r)
	for j.bodies += len(r.Body); j.bodies > j.bodyCap && j.oldest < j.seq; j.oldest++ {
		if old := j.requests.at(j.oldest); old != nil {
			j.bodies -= len(old.Body)
			old.Body = nil
		}
	}
	return j.seq
}

// answer enters the status of the answer.
func (j *journal) answer(seq int64, status int) {
	j.stats.Statuses[status]++
	if r := j.requests.at(seq); r != nil && r.Seq == seq {
		r.Status = status
	}
}

func (j *journal) fault(seq int64, name string) {
	j.stats.Faulted++
	if r := j.requests.at(seq); r != nil && r.Seq == seq {
		r.Fault = name
	}
}

func (j *journal) write(w writer, t *objectType, id int64, action, trace string, set []value) {
	j.enter(entry{w: w, t: t, id: id, action: action, trace: trace, set: set})
}

func (j *journal) link(w writer, from *objectType, a int64, to *objectType, b int64, action string, types []*assocType) {
	j.enter(entry{w: w, t: from, id: a, to: to, b: b, action: action, types: types})
}

func (j *journal) enter(e entry) {
	j.written++
	e.seq = j.written
	j.stats.Writes[e.t.Name+" "+e.action]++
	j.writes.add(e)
}

// readable makes a Write of an entry.
func (e *entry) readable() Write {
	w := Write{
		Seq: e.seq, Time: e.w.now, Request: e.w.request, By: e.w.by, Action: e.action, Object: e.t.Name, ID: idText(e.id), Trace: e.trace,
	}
	if len(e.set) > 0 {
		w.Properties = make(map[string]string, len(e.set))
		for _, v := range e.set {
			w.Properties[v.def.Name] = v.text
		}
	}
	if e.to != nil {
		w.ToObject, w.ToID = e.to.Name, idText(e.b)
		w.Types = typeNames(e.types)
	}
	return w
}

func (s *Stats) clone() Stats {
	c := *s
	c.Statuses, c.Writes = maps.Clone(s.Statuses), maps.Clone(s.Writes)
	return c
}
