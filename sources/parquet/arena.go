package parquet

import "strings"

const arenaChunk = 256 << 10

// An arena holds the texts of values. What it returned stays as it is for ever: a chunk that is full is left to those
// who hold its texts.
type arena struct {
	chunk   strings.Builder
	scratch []byte // for texts in the making
}

// reserve makes room for n bytes in one chunk.
func (a *arena) reserve(n int) {
	if a.chunk.Cap()-a.chunk.Len() < n {
		a.chunk.Reset()
		a.chunk.Grow(max(n, arenaChunk))
	}
}

// add returns p as a string.
func (a *arena) add(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	a.reserve(len(p))
	at := a.chunk.Len()
	a.chunk.Write(p)
	return a.chunk.String()[at:]
}
