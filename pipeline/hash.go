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

// A plan is what the engine does with every row of a schema, worked out once.
type plan struct {
	properties []int  // places of the fields that are sent
	byName     []int  // places in properties, in the order of the properties' names
	content    []int  // places of all fields that make up the row's content; of copies, of what they are copies of
	seed       uint64 // of the encoding and of what the fields are: where one changes, every row counts as changed
	buf        []byte
}

// newPlan works out which fields of the schema are a row's content: the properties, and what its links are made of.
func newPlan(s *Schema, specs []LinkSpec, copies []Copied) plan {
	var p plan
	for i, f := range s.Fields {
		if f.Role == Property {
			p.properties = append(p.properties, i)
		}
	}
	p.byName = make([]int, len(p.properties))
	for i := range p.byName {
		p.byName[i] = i
	}
	slices.SortFunc(p.byName, func(a, b int) int {
		return strings.Compare(s.Fields[p.properties[a]].Name, s.Fields[p.properties[b]].Name)
	})
	p.content = slices.Clone(p.properties)
	seed := &strings.Builder{}
	seed.WriteString("3\n") // the encoding's own version
	for _, spec := range specs {
		fmt.Fprintf(seed, "link %q %q %q %q\n", spec.Slot, spec.FromObject, spec.ToObject, spec.Label)
		for _, at := range []int{spec.FromField, spec.ToField, spec.LabelField} {
			if at >= 0 && !slices.Contains(p.content, at) {
				p.content = append(p.content, at)
			}
		}
	}
	for _, at := range p.content {
		f := s.Fields[at]
		fmt.Fprintf(seed, "%d %q %v\n", f.Role, f.Name, f.Clear)
		if f.IfEmpty || f.Shared { // beside, so that the hashes of other fields stay
			fmt.Fprintf(seed, "if empty %v, shared %v\n", f.IfEmpty, f.Shared)
		}
		if f.Lookup != nil {
			fmt.Fprintf(seed, "of %q by %q\n", f.Lookup.Object, f.Lookup.Property)
		}
	}
	p.seed = xxh3.HashString(seed.String())
	for _, c := range copies {
		if at := slices.Index(p.content, c.Field); at >= 0 {
			p.content[at] = c.Of
		}
	}
	return p
}

// hash returns the hash of a row's content. Values count by their text, so that a column may change its type from one
// source to another without every record being written again; null differs from "".
func (p *plan) hash(values []Value) Hash {
	b := binary.LittleEndian.AppendUint64(p.buf[:0], p.seed) // in front: xxh3 makes a secret for every call with a seed of its own
	for _, at := range p.content {
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
	p.buf = b
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
