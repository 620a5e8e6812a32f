package digest

import (
	"iter"
	"math/bits"
)

// A Table holds the entries of a digest, and which keys were seen. It lies outside of the heap where the system permits, so
// that the collector never looks at it and never makes room for twice of it. It must not be used concurrently.
type Table struct {
	slots []slot
	used  int
	seen  int // keys that are marked
	free  func()
	at    []uint64 // of a batch: the places where its keys are, or would be

	warmed uint64 // all that warm has fetched, one over the other
}

// A slot is empty if its key is 0. The key's lowest bit tells whether it was seen.
type slot struct{ key, content uint64 }

const (
	seenBit  = 1
	smallest = 1024 // slots
)

// NewTable returns a table with room for n entries.
func NewTable(n int) *Table {
	t := &Table{}
	t.slots, t.free = allocate(max(smallest, n+n/4+1))
	return t
}

// Close gives the memory back. The table must not be used any more.
func (t *Table) Close() {
	t.slots = nil
	t.free()
}

// Len returns the number of entries.
func (t *Table) Len() int { return t.used }

// Seen returns the number of keys that were seen.
func (t *Table) Seen() int { return t.seen }

// place returns where a key is, or would be put.
func (t *Table) place(key uint64) int {
	hi, _ := bits.Mul64(key, uint64(len(t.slots)))
	at := int(hi)
	for t.slots[at].key&^seenBit != key && t.slots[at].key != 0 {
		if at++; at == len(t.slots) {
			at = 0
		}
	}
	return at
}

// Put sets the content of a key.
func (t *Table) Put(key, content uint64) {
	at := t.place(key)
	if t.slots[at].key == 0 {
		at = t.insert(key, at)
	}
	t.slots[at].content = content
}

// Load puts packed entries, of which a later one of a key takes the place of an earlier one.
func (t *Table) Load(packed []byte) {
	const together = 1024 * Size
	for len(packed) > 0 {
		part := packed[:min(together, len(packed))]
		packed = packed[len(part):]
		for key := range Entries(part) {
			t.warm(key)
		}
		for key, content := range Entries(part) {
			t.Put(key, content)
		}
	}
}

// warm has the memory fetch a key's slot, and returns its place. Of a batch, all slots are asked for before the first is
// looked at: the memory answers them together.
func (t *Table) warm(key uint64) uint64 {
	hi, _ := bits.Mul64(key, uint64(len(t.slots)))
	t.warmed |= t.slots[hi].key
	return hi
}

// insert adds a key that isn't there at the place where it would be, and returns its place then.
func (t *Table) insert(key uint64, at int) int {
	if (t.used+1)*5 > len(t.slots)*4 {
		t.grow()
		at = t.place(key)
	}
	t.used++
	t.slots[at] = slot{key: key}
	return at
}

func (t *Table) grow() { t.resize(len(t.slots) + len(t.slots)/2) }

// Reserve makes room for n entries in all.
func (t *Table) Reserve(n int) {
	if slots := n + n/4 + 1; slots > len(t.slots) {
		t.resize(slots)
	}
}

func (t *Table) resize(slots int) {
	old, free := t.slots, t.free
	t.slots, t.free = allocate(slots)
	for _, s := range old {
		if s.key != 0 {
			t.slots[t.place(s.key&^seenBit)] = s
		}
	}
	free()
}

// Forget has the ledger be asked about a key from now on.
func (t *Table) Forget(key uint64) {
	if at := t.place(key); t.slots[at].key != 0 {
		t.slots[at].content = Ask
	}
}

// Mark notes that a key was seen. A key that isn't there is put there.
func (t *Table) Mark(key uint64) {
	at := t.place(key)
	if t.slots[at].key == 0 {
		at = t.insert(key, at)
	}
	if t.slots[at].key&seenBit == 0 {
		t.slots[at].key |= seenBit
		t.seen++
	}
}

// Marked tells whether a key was seen.
func (t *Table) Marked(key uint64) bool { return t.slots[t.place(key)].key&seenBit != 0 }

// Probe compares a batch of keys and contents with the table, marks those keys as seen that are in it, and sets same where
// the content is the table's. It tells whether one of the keys had been seen before. The three lists are of one length.
func (t *Table) Probe(keys, contents []uint64, same []bool) (again bool) {
	t.at = t.at[:0]
	for _, key := range keys {
		t.at = append(t.at, t.warm(key))
	}
	for i, key := range keys {
		at := int(t.at[i])
		for t.slots[at].key&^seenBit != key && t.slots[at].key != 0 {
			if at++; at == len(t.slots) {
				at = 0
			}
		}
		s := &t.slots[at]
		same[i] = s.key != 0 && s.content != Ask && s.content == contents[i]
		switch {
		case s.key == 0:
		case s.key&seenBit != 0:
			again = true
		default:
			s.key |= seenBit
			t.seen++
		}
	}
	return again
}

// Unseen returns the number of keys that weren't seen.
func (t *Table) Unseen() int { return t.used - t.seen }

// Packed returns all entries, packed into pieces of at most n.
func (t *Table) Packed(n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b := make([]byte, 0, n*Size)
		for _, s := range t.slots {
			if s.key == 0 {
				continue
			}
			if b = Append(b, s.key&^seenBit, s.content); len(b) < n*Size {
				continue
			}
			if !yield(b) {
				return
			}
			b = b[:0]
		}
		if len(b) > 0 {
			yield(b)
		}
	}
}
