// Package digest holds what of a ledger tells an unchanged row at the cost of a few bytes: of every key a hash, and of its
// content the first half of its hash. The state keeps it as packed entries beside the ledger, and a run as a table in memory.
package digest

import (
	"encoding/binary"
	"iter"

	"github.com/zeebo/xxh3"
)

// Size is the number of bytes of a packed entry: the key's hash and the content's, each of 64 bits, little-endian.
const Size = 16

// Ask is the content of a key whose row is unchanged only if the ledger says so.
const Ask = 0

// Key returns the hash that stands for a key. It is even and not 0. Two keys with one hash do no harm: the content of one of
// them differs from what the table holds, so that the ledger is asked.
func Key(key string) uint64 { return max(2, xxh3.HashString(key)&^1) }

// Content returns what stands for a content's hash: its first half. That content changes and this stays the same is as unlikely
// as that two random numbers of 64 bits are equal.
func Content(hash [16]byte) uint64 { return binary.LittleEndian.Uint64(hash[:]) }

// Append packs an entry.
func Append(b []byte, key, content uint64) []byte {
	b = binary.LittleEndian.AppendUint64(b, key)
	return binary.LittleEndian.AppendUint64(b, content)
}

// Entries returns packed entries. Bytes at the end that are no whole entry are left out.
func Entries(b []byte) iter.Seq2[uint64, uint64] {
	return func(yield func(key, content uint64) bool) {
		for ; len(b) >= Size; b = b[Size:] {
			if !yield(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])) {
				return
			}
		}
	}
}
