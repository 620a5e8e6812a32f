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

	fetched uint64 // all that a batch has fetched, one over the other
}

// A slot is empty if its key is 0. The key's lowest bit tells whether it was seen.
type slot struct{ key, content uint64 }

const (
	seenBit  = 1
	smallest = 1024 // slots
)

// slotsFor returns how many slots n entries need: half as many again. With a quarter more a search takes three slots instead
// of two, of which the last is often on the next line of the memory, which nobody has asked for.
func slotsFor(n int) int { return n + n/2 + 1 }

// NewTable returns a table with room for n entries.
func NewTable(n int) *Table {
	t := &Table{}
	t.slots, t.free = allocate(max(smallest, slotsFor(n)))
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
func (t *Table) place(key uint64) int { return find(t.slots, key) }

// find returns where a key is, or would be put.
func find(slots []slot, key uint64) int {
	at := home(slots, key)
	for slots[at].key&^seenBit != key && slots[at].key != 0 {
		if at++; at == uint64(len(slots)) {
			at = 0
		}
	}
	return int(at)
}

// home returns the place of a key that no other key has taken.
func home(slots []slot, key uint64) uint64 {
	at, _ := bits.Mul64(key, uint64(len(slots)))
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

// Load puts packed entries, of which a later one of a key takes the place of an earlier one. Of a batch, all slots are
// fetched before the first is looked at: the memory answers them together.
func (t *Table) Load(packed []byte) {
	const together = 1024 * Size
	for len(packed) > 0 {
		part := packed[:min(together, len(packed))]
		packed = packed[len(part):]
		slots, fetched := t.slots, uint64(0)
		for key := range Entries(part) {
			fetched |= slots[home(slots, key)].key
		}
		t.fetched = fetched
		for key, content := range Entries(part) {
			t.Put(key, content)
		}
	}
}

// insert adds a key that isn't there at the place where it would be, and returns its place then.
func (t *Table) insert(key uint64, at int) int {
	if (t.used+1)*3 > len(t.slots)*2 {
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
	if slots := slotsFor(n); slots > len(t.slots) {
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

// See marks a key that is there, and leaves any other alone.
func (t *Table) See(key uint64) {
	if t.slots[t.place(key)].key != 0 {
		t.Mark(key)
	}
}

// Missed tells whether a key is there, and wasn't seen.
func (t *Table) Missed(key uint64) bool {
	s := t.slots[t.place(key)]
	return s.key != 0 && s.key&seenBit == 0
}

// Marked tells whether a key was seen.
func (t *Table) Marked(key uint64) bool { return t.slots[t.place(key)].key&seenBit != 0 }

// Probe compares a batch of keys and contents with the table, marks those keys as seen that are in it, and sets same where
// the content is the table's. It tells whether one of the keys had been seen before. The three lists are of one length.
func (t *Table) Probe(keys, contents []uint64, same []bool) (again bool) {
	slots, fetched := t.slots, uint64(0)
	for _, key := range keys { // as Load does
		fetched |= slots[home(slots, key)].key
	}
	t.fetched = fetched
	for i, key := range keys {
		s := &slots[find(slots, key)]
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
