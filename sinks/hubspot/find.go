package hubspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// readsAtOnce is how many requests one look makes at a time: enough to use 19 requests a second with answers after half a
// second, and some more.
const readsAtOnce = 12

// Fold returns value as HubSpot compares it, as far as that is known: without blanks around it, a contact's email in
// lower case, numbers in one notation. Whether other unique values differ by case is not known (API.md section 16), so
// that they are kept apart here; a record that is found under another case is recognised nevertheless.
func (s *Sink) Fold(object, property, value string) string {
	value = strings.TrimSpace(value)
	if isAddress(object, s.paths[object], property) {
		return strings.ToLower(value)
	}
	if s.kinds[lookupKey{object, property}] == kindNumber {
		return foldNumber(value)
	}
	return value
}

// Find returns the ids of the records of object whose property has one of the values. It reads a hundred at a time by
// the unique property, never by search, which lags behind (API.md section 11.1).
func (s *Sink) Find(ctx context.Context, object, property string, values []string) (map[string]string, error) {
	path, ok := s.paths[object]
	if !ok {
		var err error
		if path, err = s.portal.objectPath(ctx, "object", object); err != nil {
			return nil, fmt.Errorf("find %s: %w", object, err)
		}
	}
	asked := map[string][]string{} // folded value to values as given
	var folded []string
	for _, v := range values {
		f := s.Fold(object, property, v)
		if f == "" || property == recordID && !isDigits(f) {
			continue
		}
		if asked[f] == nil {
			folded = append(folded, f)
		}
		asked[f] = append(asked[f], v)
	}
	l, err := s.look(ctx, s.lookup(object, path, property), folded)
	found := make(map[string]string, len(values))
	for f, r := range l.found {
		for _, v := range asked[f] {
			found[v] = r.ID
		}
	}
	return found, err
}

// look reads the records of any number of values, several requests at a time. What was read before an error is there, too.
func (s *Sink) look(ctx context.Context, all *lookup, values []string) (*lookup, error) {
	slices.Sort(values)
	values = slices.Compact(values) // HubSpot refuses a request that names one twice (API.md section 5.2)
	var mu sync.Mutex
	readers := pool.New().WithMaxGoroutines(readsAtOnce).WithContext(ctx).WithCancelOnError().WithFirstError()
	for chunk := range slices.Chunk(values, crm.MaxInputs) {
		readers.Go(func(ctx context.Context) error {
			l := s.lookup(all.object, all.path, all.property, all.names...)
			l.archived = all.archived
			err := l.read(ctx, chunk)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all.found, l.found)
			maps.Copy(all.absent, l.absent)
			return err
		})
	}
	return all, readers.Wait()
}

// A lookup reads records by a property, and tells apart which are there, which aren't, and which it couldn't tell of.
type lookup struct {
	*Sink
	object, path, property string
	names                  []string               // of the properties that are read as well
	archived               bool                   // reads the recycle bin
	found                  map[string]*crm.Result // by value
	absent                 map[string]bool
	answer                 pipeline.Answer // to the last request
	date, heard            time.Time       // when that was given, by HubSpot's clock and by ours
}

func (s *Sink) lookup(object, path, property string, names ...string) *lookup {
	return &lookup{Sink: s, object: object, path: path, property: property, names: names, found: map[string]*crm.Result{}, absent: map[string]bool{}}
}

// read looks up at most crm.MaxInputs folded values. A request that is refused for one of them is taken apart.
func (l *lookup) read(ctx context.Context, values []string) error {
	idProperty, names := l.property, l.names
	if idProperty == recordID {
		idProperty = ""
	}
	if !slices.Contains(names, l.property) {
		names = append(slices.Clone(names), l.property)
	}
	answer, err := l.portal.BatchRead(ctx, l.path, idProperty, names, values, l.archived)
	if err != nil {
		e, ok := errors.AsType[*crm.Error](err)
		if !ok || !blamesRows(e, pipeline.Update) || e.Status == 404 {
			return explain(err)
		}
		return l.takeApart(ctx, values)
	}
	l.answer = answerOf(answer.HTTPStatus, answer.CorrelationID)
	l.date, l.heard = answer.Date, time.Now()
	x := l.index(values)
	strangers := l.results(x, values, answer)
	blocked := l.missing(x, values, answer)
	var left []string
	for _, v := range values {
		if _, ok := l.found[v]; !ok && !l.absent[v] {
			left = append(left, v)
		}
	}
	return l.settleRest(ctx, values, left, strangers, blocked)
}

// takeApart reads the halves. A single value that HubSpot refuses to look up is neither found nor absent.
func (l *lookup) takeApart(ctx context.Context, values []string) error {
	if len(values) == 1 {
		return nil
	}
	middle := len(values) / 2
	return errors.Join(l.read(ctx, values[:middle]), l.read(ctx, values[middle:]))
}

func (l *lookup) index(values []string) *index {
	entries := make([]entry, len(values))
	for i, v := range values {
		entries[i] = entry{Change: &pipeline.Change{}}
		if l.property == recordID {
			entries[i].input.ID = v
		} else {
			entries[i].fold = v
		}
	}
	return newIndex(entries, l.property, func(v string) string { return l.Fold(l.object, l.property, v) })
}

// results notes the records that were found and returns those that none of the values is known to name: the survivors of
// merges, which are answered under another id (API.md section 11.3), and contacts found by a secondary address.
func (l *lookup) results(x *index, values []string, answer *crm.BatchAnswer) (strangers []*crm.Result) {
	for i := range answer.Results {
		r := &answer.Results[i]
		if r.ID == "" || r.Archived && !l.archived {
			continue
		}
		if at := x.result(r); at >= 0 {
			l.found[values[at]] = r
		} else {
			strangers = append(strangers, r)
		}
	}
	return strangers
}

// missing notes the values that errors name as not there, and tells whether an error says something else.
func (l *lookup) missing(x *index, values []string, answer *crm.BatchAnswer) (blocked bool) {
	for i := range answer.Errors {
		item := &answer.Errors[i]
		if item.Category != "OBJECT_NOT_FOUND" {
			blocked = true
			continue
		}
		for _, at := range x.failed(item) {
			if _, ok := l.found[values[at]]; !ok {
				l.absent[values[at]] = true
			}
		}
	}
	return blocked
}

// settleRest decides on values that the answer doesn't name. They are read again without those that it does, because a
// merged record may be answered once for two ids; an answer that names none of them says that they are absent. Where it
// has records that can't be told whose they are, each value is read by itself.
func (l *lookup) settleRest(ctx context.Context, values, left []string, strangers []*crm.Result, blocked bool) error {
	switch {
	case len(left) == 0 || blocked:
	case len(strangers) == 0 && len(left) < len(values):
		return l.read(ctx, left)
	case len(strangers) == 0:
		for _, v := range left {
			l.absent[v] = true
		}
	case len(values) == 1:
		if len(strangers) == 1 && l.mayBe(left[0], strangers[0]) {
			l.found[left[0]] = strangers[0]
		}
	default:
		for _, v := range left {
			if err := l.read(ctx, []string{v}); err != nil {
				return err
			}
		}
	}
	return nil
}
