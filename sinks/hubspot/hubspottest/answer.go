package hubspottest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// A batchAnswer is the body of a batch's answer before it is written out (4, 5.5).
type batchAnswer struct {
	status  int
	fixed   bool // errors don't make it a 207 (10.2)
	results []result
	errors  []*apiError
	raw     []json.RawMessage // results that aren't records
}

// A result is one record of an answer. It holds what is needed to write it out without the portal's lock.
type result struct {
	t        *objectType
	id       int64
	created  int64
	updated  int64
	archived int64 // when, or 0
	values   []value
	merged   string
	show     []*property
	history  []*property
	trace    string
	upsert   bool
	isNew    bool
	warnings []warning
	links    []byte // associations of a single read, as JSON
}

// A warning tells of a value that was changed to fit (8.2).
type warning struct {
	Category string            `json:"category"`
	Message  string            `json:"message"`
	Context  map[string]string `json:"context"`
}

func (a *batchAnswer) reply(c *call) *reply {
	if len(a.errors) > 0 && !a.fixed {
		a.status = http.StatusMultiStatus
	}
	b := make([]byte, 0, 256+400*len(a.results))
	b = append(b, `{"status":"COMPLETE","results":[`...)
	for i := range a.results {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.results[i].append(b)
	}
	for i, raw := range a.raw {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
	}
	b = append(b, ']')
	if len(a.errors) > 0 {
		list, _ := json.Marshal(a.errors)
		b = append(b, `,"numErrors":`...)
		b = strconv.AppendInt(b, int64(len(a.errors)), 10)
		b = append(b, `,"errors":`...)
		b = append(b, list...)
	}
	b = append(b, `,"startedAt":`...)
	b = appendTime(b, c.now.UnixMilli())
	b = append(b, `,"completedAt":`...)
	b = appendTime(b, c.s.now().UnixMilli())
	b = append(b, '}')
	return &reply{status: a.status, kind: jsonType, body: b}
}

// append writes one record (4).
func (r *result) append(b []byte) []byte {
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, r.id, 10)
	b = append(b, `","properties":{`...)
	for i, p := range r.show {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.Name)
		b = append(b, ':')
		b = r.appendValue(b, p)
	}
	b = append(b, '}')
	if len(r.history) > 0 {
		b = r.appendHistory(b)
	}
	return append(r.appendMeta(b), '}')
}

// appendMeta writes what surrounds the properties.
func (r *result) appendMeta(b []byte) []byte {
	b = append(b, `,"createdAt":`...)
	b = appendTime(b, r.created)
	b = append(b, `,"updatedAt":`...)
	b = appendTime(b, r.updated)
	b = append(b, `,"archived":`...)
	b = strconv.AppendBool(b, r.archived != 0)
	if r.archived != 0 {
		b = append(b, `,"archivedAt":`...)
		b = appendTime(b, r.archived)
	}
	if r.trace != "" {
		b = append(b, `,"objectWriteTraceId":`...)
		b = appendString(b, r.trace)
	}
	if r.upsert {
		b = append(b, `,"new":`...)
		b = strconv.AppendBool(b, r.isNew)
	}
	if len(r.warnings) > 0 {
		list, _ := json.Marshal(r.warnings)
		b = append(append(b, `,"warnings":`...), list...)
	}
	if r.links != nil {
		b = append(append(b, `,"associations":`...), r.links...)
	}
	return b
}

func (r *result) appendValue(b []byte, p *property) []byte {
	for _, v := range r.values {
		if v.def == p {
			return appendString(b, v.text)
		}
	}
	switch p.system {
	case sysID:
		return append(strconv.AppendInt(append(b, '"'), r.id, 10), '"')
	case sysCreated:
		return appendTime(b, r.created)
	case sysUpdated:
		return appendTime(b, r.updated)
	case sysMerged:
		if r.merged != "" {
			return appendString(b, r.merged)
		}
	}
	return append(b, "null"...)
}

// appendHistory writes the current value of each property as its only version.
func (r *result) appendHistory(b []byte) []byte {
	b = append(b, `,"propertiesWithHistory":{`...)
	for i, p := range r.history {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, p.Name), ':', '[')
		if v := r.appendValue(nil, p); string(v) != "null" {
			b = append(append(b, `{"value":`...), v...)
			b = appendTime(append(b, `,"timestamp":`...), r.updated)
			b = append(b, `,"sourceType":"INTEGRATION"}`...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendTime(b []byte, ms int64) []byte {
	b = append(b, '"')
	b = time.UnixMilli(ms).UTC().AppendFormat(b, stampFormat)
	return append(b, '"')
}

// appendString writes a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, _ := json.Marshal(s)
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
