package hubspot

import (
	"context"
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
// the unique property, never by search, which lags behind (API.md section 11.1). A value of which no answer says anything
// isn't found: no row is known to be its record's, so that a link to it waits, as to one that isn't there yet.
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
			maps.Copy(all.silent, l.silent)
			return err
		})
	}
	return all, readers.Wait()
}

// A lookup reads records by a property, and tells apart which are there, which aren't, and which it couldn't tell of. A
// record isn't there only if an answer says so, by an error that names it: HubSpot names what it doesn't find (API.md
// sections 5.2 and 5.6), so that an answer which passes a value over has lost something.
type lookup struct {
	*Sink
	object, path, property string
	names                  []string               // of the properties that are read as well
	archived               bool                   // reads the recycle bin
	found                  map[string]*crm.Result // by value
	absent                 map[string]bool
	silent                 map[string]bool // what answers have passed over, again and again, or what there is no answer for
	answer                 pipeline.Answer // to the last request
	date, heard            time.Time       // when that was given, by HubSpot's clock and by ours
}

func (s *Sink) lookup(object, path, property string, names ...string) *lookup {
	return &lookup{Sink: s, object: object, path: path, property: property, names: names,
		found: map[string]*crm.Result{}, absent: map[string]bool{}, silent: map[string]bool{}}
}

// read looks up at most crm.MaxInputs folded values. A request that is refused for one of them is taken apart, and what an
// answer passes over is asked for again.
func (l *lookup) read(ctx context.Context, values []string) error {
	return l.ask(ctx, values, false)
}

// ask makes the requests of a read; again tells that an answer has passed over all of the values before. A single value that
// HubSpot refuses to look up is neither found nor absent, and one of which it gives no usable answer is silent.
func (l *lookup) ask(ctx context.Context, values []string, again bool) error {
	type answered struct {
		values []string
		left   []string
		hint
	}
	var answers []answered
	whole := parts[string]{
		send: func(ctx context.Context, values []string) ([]string, error) {
			h, left, err := l.request(ctx, values)
			if err == nil {
				h.again = again
				answers = append(answers, answered{values, left, h})
			}
			return nil, err
		},
		blames: func(e *crm.Error) bool { return e.Status != 404 && blamesRows(e, pipeline.Update) },
		blame: func(value string, _ *crm.Error, silent bool) {
			if silent {
				l.silent[value] = true
			}
		},
		excuse: func(value string) { delete(l.silent, value) },
	}
	if err := whole.run(ctx, values); err != nil {
		return err
	}
	for _, a := range answers {
		if err := l.settleRest(ctx, a.values, a.left, a.hint); err != nil {
			return err
		}
	}
	return nil
}

// request makes one request, and returns the values that its answer doesn't name.
func (l *lookup) request(ctx context.Context, values []string) (h hint, left []string, err error) {
	idProperty, names := l.property, l.names
	if idProperty == recordID {
		idProperty = ""
	}
	if !slices.Contains(names, l.property) {
		names = append(slices.Clone(names), l.property)
	}
	answer, err := l.portal.BatchRead(ctx, l.path, idProperty, names, values, l.archived)
	if err != nil {
		if e, ok := err.(*crm.Error); ok { // and no pause, which has one in it
			err = e.Without(values)
		}
		return h, nil, err
	}
	l.answer = answerOf(answer.HTTPStatus, answer.CorrelationID)
	l.date, l.heard = answer.Date, time.Now()
	x := l.index(values)
	h.strangers = l.results(x, values, answer)
	h.blocked, h.unnamed = l.missing(x, values, answer)
	for _, v := range values {
		if _, ok := l.found[v]; !ok && !l.absent[v] {
			left = append(left, v)
		}
	}
	return h, left, nil
}

// A hint is what is known of the values that an answer doesn't name.
type hint struct {
	again     bool          // they were all passed over before
	strangers []*crm.Result // records that one of them may lead to
	blocked   bool          // an error says something else than that a record isn't there
	unnamed   bool          // an error says that records aren't there, and not which
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
// merges, which are answered under another id (API.md section 11.3), and contacts found by a secondary address. One that is
// answered from the recycle bin, without being asked for, isn't there.
func (l *lookup) results(x *index, values []string, answer *crm.BatchAnswer) (strangers []*crm.Result) {
	for i := range answer.Results {
		r := &answer.Results[i]
		if r.ID == "" {
			continue
		}
		at, binned := x.result(r), r.Archived && !l.archived
		switch {
		case !binned && l.formerly(values, r) && at < 0: // told of
		case at >= 0 && binned:
			l.absent[values[at]] = true
		case at >= 0:
			l.found[values[at]] = r
		case !binned && !slices.ContainsFunc(strangers, func(s *crm.Result) bool { return s.ID == r.ID }): // it may be answered twice
			strangers = append(strangers, r)
		}
	}
	return strangers
}

// formerly notes the record for those of the values that are ids of records which it says were merged into it, and tells
// whether there are any. It says so only where it is asked for mergedIDs; each of the others is read by itself (see settleRest).
func (l *lookup) formerly(values []string, r *crm.Result) (any bool) {
	if l.property != recordID {
		return false
	}
	for _, id := range formerIDs(r) {
		if slices.Contains(values, id) {
			l.found[id], any = r, true
		}
	}
	return any
}

// missing notes the values that errors name as not there, and tells whether an error says something else, and whether one
// says so of values that it doesn't name.
func (l *lookup) missing(x *index, values []string, answer *crm.BatchAnswer) (blocked, unnamed bool) {
	for i := range answer.Errors {
		item := &answer.Errors[i]
		if item.Category != "OBJECT_NOT_FOUND" {
			blocked = true
			continue
		}
		named := x.failed(item)
		unnamed = unnamed || len(named) == 0
		for _, at := range named {
			if _, ok := l.found[values[at]]; !ok {
				l.absent[values[at]] = true
			}
		}
	}
	return blocked, unnamed
}

// settleRest decides on values that the answer doesn't name. They are read again without those that it does, because a
// merged record may be answered once for two ids; where it names none of them, they are read again once. Where it has
// records that can't be told whose they are, each value is read by itself.
func (l *lookup) settleRest(ctx context.Context, values, left []string, h hint) error {
	switch {
	case len(left) == 0 || h.blocked:
	case len(h.strangers) == 0 && len(left) < len(values):
		return l.read(ctx, left)
	case len(h.strangers) == 0 && h.unnamed:
		note(l.absent, left)
	case len(h.strangers) == 0 && !h.again:
		return l.ask(ctx, left, true)
	case len(h.strangers) == 0:
		note(l.silent, left)
	case len(values) == 1:
		if len(h.strangers) == 1 && l.mayBe(left[0], h.strangers[0]) {
			l.found[left[0]] = h.strangers[0]
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

func note(set map[string]bool, values []string) {
	for _, v := range values {
		set[v] = true
	}
}
