package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Thrift's compact protocol: the types of fields that are told apart here.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 13
)

const maxThriftDepth = 32

var errShort = errors.New("it ends too early")

// A compact reads Thrift's compact protocol without building anything, so that what a file declares can be held
// against what the file has before a decoder believes it. After an error it reads zeros, which end every structure.
type compact struct {
	buf   []byte
	pos   int
	depth int
	size  int // bytes that what was read takes once it is decoded, about
	most  int // of size; 0 if it doesn't matter
	err   error
}

// Bytes that a decoder takes, about.
const (
	sizeOfStruct  = 128
	sizeOfElement = 24 // of a list
)

// grow adds to the size of what was read.
func (c *compact) grow(n int) {
	if c.size += n; c.most > 0 && c.size > c.most {
		c.fail(fmt.Errorf("it takes more than %d MiB of memory", c.most>>20))
	}
}

func (c *compact) fail(err error) {
	if c.err == nil {
		c.err = err
		c.pos = len(c.buf)
	}
}

func (c *compact) byte() byte {
	if c.pos >= len(c.buf) {
		c.fail(errShort)
		return 0
	}
	c.pos++
	return c.buf[c.pos-1]
}

func (c *compact) uvarint() uint64 {
	v, n := binary.Uvarint(c.buf[c.pos:])
	switch {
	case n == 0:
		c.fail(errShort)
		return 0
	case n < 0:
		c.fail(errors.New("a number is too long"))
		return 0
	}
	c.pos += n
	return v
}

func (c *compact) int() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// bytes returns the next n bytes.
func (c *compact) bytes(n uint64) []byte {
	if n > uint64(len(c.buf)-c.pos) {
		c.fail(errShort)
		return nil
	}
	c.pos += int(n)
	return c.buf[c.pos-int(n) : c.pos]
}

func (c *compact) binary() []byte { return c.bytes(c.uvarint()) }

// list returns the number of elements and their type. There can't be more elements than bytes.
func (c *compact) list() (n uint64, typ byte) {
	b := c.byte()
	if n = uint64(b >> 4); n == 15 {
		n = c.uvarint()
	}
	if n > uint64(len(c.buf)-c.pos) {
		c.fail(fmt.Errorf("a list of %d elements in %d bytes", n, len(c.buf)-c.pos))
		return 0, 0
	}
	c.grow(int(n) * sizeOfElement)
	return n, b & 0x0f
}

// structure calls field for each field of a structure; field must read or skip its value.
func (c *compact) structure(field func(id int64, typ byte)) {
	c.grow(sizeOfStruct)
	if c.depth++; c.depth > maxThriftDepth {
		c.fail(errors.New("it is nested too deeply"))
	}
	defer func() { c.depth-- }()
	id := int64(0)
	for {
		b := c.byte()
		if b&0x0f == 0 {
			return
		}
		if delta := b >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = c.int()
		}
		field(id, b&0x0f)
	}
}

// skip passes over a field's value.
func (c *compact) skip(typ byte) {
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		c.byte()
	case thriftI16, thriftI32, thriftI64:
		c.uvarint()
	case thriftDouble:
		c.bytes(8)
	case thriftUUID:
		c.bytes(16)
	case thriftBinary:
		c.binary()
	case thriftList, thriftSet:
		n, elem := c.list()
		for ; n > 0 && c.err == nil; n-- {
			c.skipElement(elem)
		}
	case thriftMap:
		c.skipMap()
	case thriftStruct:
		c.structure(func(_ int64, typ byte) { c.skip(typ) })
	default:
		c.fail(fmt.Errorf("the type %d is unknown", typ))
	}
}

// skipElement passes over an element of a container, where a boolean takes a byte.
func (c *compact) skipElement(typ byte) {
	if c.depth++; c.depth > maxThriftDepth {
		c.fail(errors.New("it is nested too deeply"))
	}
	defer func() { c.depth-- }()
	if typ == thriftTrue || typ == thriftFalse {
		c.byte()
		return
	}
	c.skip(typ)
}

func (c *compact) skipMap() {
	n := c.uvarint()
	if n == 0 {
		return
	}
	if n > uint64(len(c.buf)-c.pos) {
		c.fail(fmt.Errorf("a map of %d entries in %d bytes", n, len(c.buf)-c.pos))
		return
	}
	types := c.byte()
	for ; n > 0 && c.err == nil; n-- {
		c.skipElement(types >> 4)
		c.skipElement(types & 0x0f)
	}
}
