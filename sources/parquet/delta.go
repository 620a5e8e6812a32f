package parquet

import (
	"encoding/binary"
	"fmt"
)

// maxMiniBlock is the most values of a miniblock. A decoder allocates for all of them, whatever the page has; writers
// make them of 32 or 64.
const maxMiniBlock = 1 << 16

// passDeltas checks the head of integers stored as deltas (DELTA_BINARY_PACKED in the Parquet format's page on
// encodings), of which a page has most at most, and returns how many there are, and what comes after them.
func passDeltas(b []byte, most int64) (n int, rest []byte, err error) {
	var head [4]uint64 // values of a block, miniblocks of a block, values, the first value
	for i := range head {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, nil, errShortPage
		}
		head[i], b = v, b[size:]
	}
	block, minis, total := head[0], head[1], head[2]
	if block == 0 || minis == 0 || block%minis != 0 || block/minis > maxMiniBlock || block/minis%32 != 0 {
		return 0, nil, fmt.Errorf("a page stores deltas in blocks of %d values, in %d parts: the file is damaged", block, minis)
	}
	if total > uint64(most) {
		return 0, nil, fmt.Errorf("a page declares %d deltas, but it has %d values: the file is damaged", total, most)
	}
	for left := int64(total) - 1; left > 0; {
		if b, left, err = passBlock(b, int64(block/minis), int64(minis), left); err != nil {
			return 0, nil, err
		}
	}
	return int(total), b, nil
}

// passBlock passes over a block of deltas: the least of them, the width of each part, and the parts that have values.
func passBlock(b []byte, part, parts, left int64) ([]byte, int64, error) {
	_, size := binary.Uvarint(b)
	if size <= 0 || int64(len(b)-size) < parts {
		return nil, 0, errShortPage
	}
	widths := b[size : int64(size)+parts]
	b = b[int64(size)+parts:]
	for _, width := range widths {
		if left <= 0 {
			break
		}
		var err error
		if b, err = cut(b, part/8*int64(width)); err != nil {
			return nil, 0, err
		}
		left -= part
	}
	return b, left, nil
}
