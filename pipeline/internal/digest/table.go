package digest

import (
	"iter"
	"math/bits"
	"slices"
)

// A Table holds the entries of a digest in the order in which their keys came to it, and which keys were seen. Rows mostly
// come in the order in which they came before, so that the next key is mostly the next entry's, and nothing is looked up. It
// lies outside of the heap where the system permits, so that the collector never looks at it and never makes room for twice
// of it. It must not be used concurrently.
type Table struct {
	entries []entry // the first is nobody's, so that 0 stands for no entry
	used    int     // entries, without the first
	index   []uint32
	shift   uint // bits of an index' slot that hold the number of an entry; those above are the key's
	seen    int  // keys that are marked

	next      int   // the entry after that of the last key that was probed
	scattered bool  // the last batch wasn't in the entries' order
	guesses   []int // see guess

	freeEntries, freeIndex func()

	fetched uint64 // all that a batch has fetched, one over the other
}

// An entry's key has a lowest bit that tells whether it was seen.
type entry struct{ key, content uint64 }

const (
	seenBit  = 1
	smallest = 1024 // slots
)

// slotsFor returns how many slots n entries need: half as many again.
func slotsFor(n int) int { return max(smallest, n+n/2+1) }

// NewTable returns a table with room for n entries.
func NewTable(n int) *Table {
	t := &Table{}
	t.resize(slotsFor(n))
	return t
}

// Close gives the memory back. The table must not be used any more.
func (t *Table) Close() {
	t.entries, t.index = nil, nil
	t.freeEntries()
	t.freeIndex()
}

// Len returns the number of entries.
func (t *Table) Len() int { return t.used }

// Seen returns the number of keys that were seen.
func (t *Table) Seen() int { return t.seen }

// home returns the slot of a key that no other key has taken.
func (t *Table) home(key uint64) uint64 {
	slot, _ := bits.Mul64(key, uint64(len(t.index)))
	return slot
}

// mark returns what of a key is in its slot: as many bits as an entry's number leaves, of those that home makes least of.
func (t *Table) mark(key uint64) uint32 { return uint32(key>>1) << t.shift }

// candidate returns the next slot, from one on, that is empty or has the mark, and the number of the slot's entry.
func (t *Table) candidate(slot uint64, mark uint32) (at uint64, number int) {
	for above := ^uint32(0) << t.shift; ; slot++ {
		if slot == uint64(len(t.index)) {
			slot = 0
		}
		if s := t.index[slot]; s == 0 || s&above == mark {
			return slot, int(s &^ above)
		}
	}
}

// find returns the number of a key's entry and its slot, or 0 and the slot where it would be.
func (t *Table) find(key uint64) (number int, slot uint64) {
	mark := t.mark(key)
	for slot = t.home(key); ; slot++ {
		if slot, number = t.candidate(slot, mark); number == 0 || t.entries[number].key&^seenBit == key {
			return number, slot
		}
	}
}

// of returns the entry of a key, nil if there is none.
func (t *Table) of(key uint64) *entry {
	if number, _ := t.find(key); number != 0 {
		return &t.entries[number]
	}
	return nil
}

// made returns the entry of a key, which it adds if there is none.
func (t *Table) made(key uint64) *entry {
	number, slot := t.find(key)
	if number == 0 {
		number = t.insert(key, slot)
	}
	return &t.entries[number]
}

// Put sets the content of a key.
func (t *Table) Put(key, content uint64) { t.made(key).content = content }

// Load puts packed entries, of which a later one of a key takes the place of an earlier one. Of a batch, all slots are
// fetched before the first is looked at: the memory answers them together.
func (t *Table) Load(packed []byte) {
	const together = 1024 * Size
	for len(packed) > 0 {
		part := packed[:min(together, len(packed))]
		packed = packed[len(part):]
		fetched := uint32(0)
		for key := range Entries(part) {
			fetched |= t.index[t.home(key)]
		}
		t.fetched = uint64(fetched)
		for key, content := range Entries(part) {
			t.Put(key, content)
		}
	}
}

// insert adds a key that isn't there at the slot where it would be, and returns the number of its entry.
func (t *Table) insert(key uint64, slot uint64) int {
	if t.used+2 > len(t.entries) {
		t.resize(len(t.index) + len(t.index)/2)
		_, slot = t.find(key)
	}
	t.used++
	t.entries[t.used] = entry{key: key}
	t.index[slot] = t.mark(key) | uint32(t.used)
	return t.used
}

// Reserve makes room for n entries in all.
func (t *Table) Reserve(n int) {
	if slots := slotsFor(n); slots > len(t.index) {
		t.resize(slots)
	}
}

// resize gives the index as many slots, and room for as many entries as have two thirds of them.
func (t *Table) resize(slots int) {
	old, freeOld := t.entries, t.freeEntries
	t.entries, t.freeEntries = allocate[entry](slots/3*2 + 1)
	if freeOld != nil {
		copy(t.entries, old[:t.used+1])
		freeOld()
		t.freeIndex()
	}
	t.index, t.freeIndex = allocate[uint32](slots)
	t.shift = uint(bits.Len(uint(len(t.entries))))
	for i := range t.entries[:t.used+1] {
		if key := t.entries[i].key &^ seenBit; key != 0 {
			_, slot := t.find(key)
			t.index[slot] = t.mark(key) | uint32(i)
		}
	}
}

// Forget has the ledger be asked about a key from now on.
func (t *Table) Forget(key uint64) {
	if e := t.of(key); e != nil {
		e.content = Ask
	}
}

// Mark notes that a key was seen. A key that isn't there is put there.
func (t *Table) Mark(key uint64) { t.see(t.made(key)) }

// See marks a key that is there, and leaves any other alone.
func (t *Table) See(key uint64) {
	if e := t.of(key); e != nil {
		t.see(e)
	}
}

// see marks the key of an entry, and tells whether it was marked.
func (t *Table) see(e *entry) (again bool) {
	if e.key&seenBit != 0 {
		return true
	}
	e.key |= seenBit
	t.seen++
	return false
}

// Missed tells whether a key is there, and wasn't seen.
func (t *Table) Missed(key uint64) bool {
	e := t.of(key)
	return e != nil && e.key&seenBit == 0
}

// Marked tells whether a key was seen.
func (t *Table) Marked(key uint64) bool {
	e := t.of(key)
	return e != nil && e.key&seenBit != 0
}

// Probe compares a batch of keys and contents with the table, marks those keys as seen that are in it, and sets same where
// the content is the table's. It tells whether one of the keys had been seen before. The three lists are of one length.
func (t *Table) Probe(keys, contents []uint64, same []bool) (again bool) {
	if t.scattered {
		t.guess(keys)
	}
	entries, next, strays := t.entries[:t.used+1], t.next, 0
	for i, key := range keys {
		number := next
		if t.scattered {
			number = t.guesses[i]
		}
		if number >= len(entries) || entries[number].key&^seenBit != key {
			number, _ = t.find(key)
		}
		if number == 0 {
			same[i] = false
			continue
		}
		if number != next {
			strays++
		}
		next = number + 1
		e := &entries[number]
		same[i] = e.content != Ask && e.content == contents[i]
		again = t.see(e) || again
	}
	t.next, t.scattered = next, strays > len(keys)/scatteredFrom
	return again
}

// scatteredFrom is the share of a batch that may be out of order before the next one isn't expected to be in order.
const scatteredFrom = 16

// guess finds of each key of a batch the entry that is most probably its own, without a look at it. It fetches first all
// slots and then all entries: the memory answers them together.
func (t *Table) guess(keys []uint64) {
	t.guesses = slices.Grow(t.guesses[:0], len(keys))[:len(keys)]
	fetched := uint64(0)
	for _, key := range keys {
		fetched |= uint64(t.index[t.home(key)])
	}
	for i, key := range keys {
		_, t.guesses[i] = t.candidate(t.home(key), t.mark(key))
	}
	for _, number := range t.guesses {
		fetched |= t.entries[number].key
	}
	t.fetched = fetched
}

// Unseen returns the number of keys that weren't seen.
func (t *Table) Unseen() int { return t.used - t.seen }

// Packed returns all entries in their order, packed into pieces of at most n.
func (t *Table) Packed(n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b := make([]byte, 0, n*Size)
		for _, e := range t.entries[1 : t.used+1] {
			if b = Append(b, e.key&^seenBit, e.content); len(b) < n*Size {
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
