package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// A Hash is the 128-bit XXH3 of a row's content: a row is compared with what it was itself, so that nobody gains by finding
// two contents of one hash. The zero Hash means "not known".
type Hash [16]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// text returns the hash in hexadecimal, "" if it isn't known.
func (h Hash) text() string {
	if h == (Hash{}) {
		return ""
	}
	return h.String()
}

// A layout says where in a row's values the parts of its content are. It is worked out once for a schema.
type layout struct {
	properties []int  // places of the fields that are sent
	byName     []int  // places in properties, in the order of the properties' names
	content    []int  // places of all fields that make up the row's content; of copies, of what they are copies of
	seed       uint64 // of the encoding and of what the fields are: where one changes, every row counts as changed
	buf        []byte // the encoding of the row that was hashed last
}

// newLayout works out which fields of the schema are a row's content: the properties, and what its links are made of. A row
// whose record is to be archived is other content than one whose record is to be there.
func newLayout(s *Schema, specs []LinkSpec, copies []Copied, archives bool) layout {
	var l layout
	for i, f := range s.Fields {
		if f.Role == Property {
			l.properties = append(l.properties, i)
		}
	}
	l.byName = make([]int, len(l.properties))
	for i := range l.byName {
		l.byName[i] = i
	}
	slices.SortFunc(l.byName, func(a, b int) int {
		return strings.Compare(s.Fields[l.properties[a]].Name, s.Fields[l.properties[b]].Name)
	})
	l.content = slices.Clone(l.properties)
	seed := &strings.Builder{}
	seed.WriteString("3\n") // the encoding's own version
	if archives {
		seed.WriteString("archive\n")
	}
	for _, spec := range specs {
		fmt.Fprintf(seed, "link %q %q %q %q\n", spec.Slot, spec.FromObject, spec.ToObject, spec.Label)
		for _, at := range []int{spec.FromField, spec.ToField, spec.LabelField} {
			if at >= 0 && !slices.Contains(l.content, at) {
				l.content = append(l.content, at)
			}
		}
	}
	for _, at := range l.content {
		f := s.Fields[at]
		fmt.Fprintf(seed, "%d %q %v\n", f.Role, f.Name, f.Clear)
		if f.IfEmpty || f.Shared { // beside, so that the hashes of other fields stay
			fmt.Fprintf(seed, "if empty %v, shared %v\n", f.IfEmpty, f.Shared)
		}
		if f.Lookup != nil {
			fmt.Fprintf(seed, "of %q by %q\n", f.Lookup.Object, f.Lookup.Property)
		}
	}
	l.seed = xxh3.HashString(seed.String())
	for _, c := range copies {
		if at := slices.Index(l.content, c.Field); at >= 0 {
			l.content[at] = c.Of
		}
	}
	return l
}

// hash returns the hash of a row's content. Values count by their text, so that a column may change its type from one
// source to another without every record being written again; null differs from "".
func (l *layout) hash(values []Value) Hash {
	b := binary.LittleEndian.AppendUint64(l.buf[:0], l.seed) // in front: xxh3 makes a secret for every call with a seed of its own
	for _, at := range l.content {
		v := &values[at]
		switch v.typ {
		case Null:
			b = append(b, 0)
		case String, Decimal, JSON, Ref: // nearly all of them, and their length is known
			n := v.bits
			b = append(b, 1, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
			b = append(b, unsafe.Slice(v.data, n)...)
		default:
			b = append(b, 1, 0, 0, 0, 0)
			start := len(b)
			b = v.Append(b)
			binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
		}
	}
	l.buf = b
	return Hash(xxh3.Hash128(b).Bytes())
}

// traceID names one logical write: it is the same on every attempt, and another one for other content.
func traceID(pipeline, key string, version int64, content Hash) string {
	b := make([]byte, 0, 256)
	b = append(strconv.AppendQuote(b, pipeline), ' ')
	b = append(strconv.AppendQuote(b, key), ' ')
	b = append(strconv.AppendInt(b, version, 10), ' ')
	b = hex.AppendEncode(b, []byte(content.String()))
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
