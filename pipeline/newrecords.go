package pipeline

import (
	"hash/maphash"
	"strconv"
	"sync"
)

// newRecords are the records that a plan makes, or gives another match value, by the hash of object, property and value.
// It may be used concurrently.
type newRecords struct {
	sought map[soughtBy]Finder // set before the first record is learnt

	mu      sync.Mutex
	records map[uint64]newRecord
}

// A soughtBy is a property that a pipeline of the plan finds records by, beside the one by which they are written.
type soughtBy struct{ object, property string }

type newRecord struct {
	id uint64 // 0: no record has the value any more
	by *Pipeline
}

func (n *newRecords) get(hash uint64) (newRecord, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.records[hash]
	return r, ok
}

// newRecordsFor returns no records yet, of which those are learnt by what the pipelines find records by.
func newRecordsFor(pipelines []*Pipeline) *newRecords {
	n := &newRecords{sought: map[soughtBy]Finder{}, records: map[uint64]newRecord{}}
	for _, p := range pipelines {
		if p.finder == nil {
			continue
		}
		if l := p.Sink.Limits(); l.Match != "" && l.Match != recordID {
			n.sought[soughtBy{l.Object, l.Match}] = p.finder
		}
		for i := range p.schema.Fields {
			if look := p.schema.Fields[i].Lookup; look != nil && look.Property != recordID {
				n.sought[soughtBy{look.Object, look.Property}] = p.finder
			}
		}
	}
	return n
}

// learnSent notes which record has the values that were sent, as far as records are found by them.
func (n *newRecords) learnSent(object, id string, sent Sent, by *Pipeline) {
	for s, finder := range n.sought {
		if value, ok := sent.Value(s.property); ok && s.object == object && value != "" {
			n.learn(&RecordID{Object: object, Property: s.property, Value: finder.Fold(object, s.property, value), ID: id}, by)
		}
	}
}

// learn notes which record has a match value from now on. Ids that aren't numbers stay what the store says.
func (n *newRecords) learn(r *RecordID, by *Pipeline) {
	id, err := strconv.ParseUint(r.ID, 10, 64)
	if err != nil && r.ID != "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[hashRecord(r.Object, r.Property, r.Value)] = newRecord{id: id, by: by}
}

// fill fills in the id of an end that is a record of these.
func (n *newRecords) fill(end *LinkEnd) {
	if end.ID != "" || end.Value == "" {
		return
	}
	if r, ok := n.get(hashRecord(end.Object, end.Property, end.Value)); ok && r.id != 0 {
		end.ID = recordName(r.id)
	}
}

// leastMade is the least id of a record that isn't there yet: it has twenty digits, and ids that were ever given have fewer.
const leastMade = 10_000_000_000_000_000_000

// hashRecord returns the number that stands for a record before it has an id.
func hashRecord(object, property, value string) uint64 {
	var h maphash.Hash
	h.SetSeed(keySeed)
	for _, text := range []string{object, property, value} {
		h.WriteString(text)
		h.WriteByte(0)
	}
	return leastMade + h.Sum64()%(1<<64-1-leastMade)
}

func recordName(id uint64) string { return strconv.FormatUint(id, 10) }

// madeID tells whether an id is that of a record that isn't there yet.
func madeID(id string) (uint64, bool) {
	const digits = 20
	if len(id) != digits {
		return 0, false
	}
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil && n >= leastMade
}
