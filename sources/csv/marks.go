package csv

import "encoding/binary"

// Marks are the bytes of a text that may end a field: delimiters, quotes and line breaks. Each byte has a bit, so that what
// lies between them is passed over 64 bytes at a time.
type marks struct {
	bits []uint64
	skew int // bits before the text's first byte
}

// from returns the place in bits of the word with the byte at i, and those of its bits that are at i or behind.
func (m marks) from(i int) (word int, left uint64) {
	at := m.skew + i
	word = at >> 6
	if word == len(m.bits) {
		return word, 0
	}
	return word, m.bits[word] >> (at & 63) << (at & 63)
}

// needles are the bytes that are marked, each eight times. The masks are fields, too, because a register serves better
// than a constant that is loaded again for every use.
type needles struct {
	delimiter, quote, feed uint64
	low, high              uint64 // the lower seven bits of every byte, and the highest

	seen uint64 // all that was looked at, one over the other
}

const each = 0x0101010101010101

// mark appends the marks of b, whose length is a multiple of 64, and tells whether all of it is ASCII.
func (s *splitter) mark(to []uint64, b []byte) (_ []uint64, ascii bool) {
	n := needles{delimiter: uint64(s.delimiter) * each, quote: uint64(s.quote) * each, feed: lineFeed * each, low: 0x7f * each, high: 0x80 * each}
	for i := 0; i+64 <= len(b); i += 64 {
		to = append(to, n.in((*[64]byte)(b[i:])))
	}
	if s.cr {
		n.feed = carriageReturn * each
		for i := range to {
			to[i] |= n.in((*[64]byte)(b[i*64:]))
		}
	}
	return to, n.seen&n.high == 0
}

// in returns the marks of a block.
func (n *needles) in(b *[64]byte) uint64 {
	d, q, f, low, high := n.delimiter, n.quote, n.feed, n.low, n.high
	word, seen := uint64(0), n.seen
	x0 := binary.LittleEndian.Uint64(b[0:])
	word, seen = word|marks8(x0, d, q, f, low, high), seen|x0
	x1 := binary.LittleEndian.Uint64(b[8:])
	word, seen = word|marks8(x1, d, q, f, low, high)<<8, seen|x1
	x2 := binary.LittleEndian.Uint64(b[16:])
	word, seen = word|marks8(x2, d, q, f, low, high)<<16, seen|x2
	x3 := binary.LittleEndian.Uint64(b[24:])
	word, seen = word|marks8(x3, d, q, f, low, high)<<24, seen|x3
	x4 := binary.LittleEndian.Uint64(b[32:])
	word, seen = word|marks8(x4, d, q, f, low, high)<<32, seen|x4
	x5 := binary.LittleEndian.Uint64(b[40:])
	word, seen = word|marks8(x5, d, q, f, low, high)<<40, seen|x5
	x6 := binary.LittleEndian.Uint64(b[48:])
	word, seen = word|marks8(x6, d, q, f, low, high)<<48, seen|x6
	x7 := binary.LittleEndian.Uint64(b[56:])
	word, seen = word|marks8(x7, d, q, f, low, high)<<56, seen|x7
	n.seen = seen
	return word
}

// marks8 returns the marks of eight bytes. To a byte that isn't marked, less its highest bit, adding 127 sets that bit.
func marks8(x, d, q, f, low, high uint64) uint64 {
	l := x & low
	other := ((l ^ d) + low) & ((l ^ q) + low) & ((l ^ f) + low)
	return gather(^(other | x) & high)
}

// gather returns the highest bits of eight bytes, of which no others are set: the first byte's is the lowest.
func gather(x uint64) uint64 { return x * 0x0002040810204081 >> 56 }
