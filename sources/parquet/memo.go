package parquet

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"

	"sluice/pipeline"
)

const (
	mostEntries = 4096 // of a dictionary that a memo is kept of
	memoBits    = 13   // of a slot's number: there are twice as many
)

// A memo keeps the values that were made of a dictionary's entries, so that each is checked and copied once, and not once
// for every row. It tells an entry by where it is in memory: Arrow's decoder gives out the dictionary's own bytes, which stay
// where they are as long as their column chunk is read. It is of no use for other pages, whose memory is used again.
type memo struct {
	conv  conversion[parquet.ByteArray]
	slots []memoSlot
}

type memoSlot struct {
	at    *byte
	value pipeline.Value
}

// of is a conversion's: an entry that can't be represented is converted each time, and so is one without bytes, which has
// no place of its own.
func (m *memo) of(a *arena, v parquet.ByteArray) (pipeline.Value, error) {
	if len(v) == 0 {
		return m.conv.of(a, v)
	}
	if m.slots == nil {
		m.slots = make([]memoSlot, 1<<memoBits)
	}
	at := unsafe.SliceData(v)
	slot := &m.slots[uint64(uintptr(unsafe.Pointer(at)))*0x9e3779b97f4a7c15>>(64-memoBits)]
	if slot.at == at {
		return slot.value, nil
	}
	value, err := m.conv.of(a, v)
	if err == nil {
		*slot = memoSlot{at, value}
	}
	return value, err
}
