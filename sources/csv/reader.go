package csv

import (
	"bytes"
	"errors"
	"io"

	"github.com/zeebo/xxh3"
)

const (
	lineFeed       = '\n'
	carriageReturn = '\r'

	blockSize = 128 << 10 // what is read at once; with twice as much a run took 2 to 6 % more CPU
	slack     = 64        // bytes behind what is read, so that marks are made of whole words
	maxRecord = 16 << 20  // bytes of one record with its line break
)

// A reader splits text into records, in place: its buffer holds what isn't split yet.
// It hashes what it has split, so that a position can tell whether the same text comes before it.
type reader struct {
	src io.Reader
	err error // of src; io.EOF at the end

	buf      []byte
	marked   []uint64 // marks of buf[:end]
	ascii    bool     // so is all of buf[:end]
	pos, end int      // buf[pos:end] is not split yet
	hashed   int      // buf[:hashed] is hashed
	limit    int      // bytes that a record may have
	offset   int64
	line     int64 // the line that buf[pos] is on, counted from 1
	hash     xxh3.Hasher

	splitter
	record []byte // the record that next has read, with its line break; valid until next is called again
	start  int64  // its first line
	open   bool   // it ended where the text ends, without a line break
	held   bool   // records that were read are in use: nothing may be moved in buf
	wide   bool   // fields grows, whatever the number of a record's fields is

	undoubled []byte // what plain has made
	holding   int64  // offset of the first record that is held, or would be
}

func newReader(src io.Reader, d *dialect) *reader {
	return &reader{
		src: src, buf: make([]byte, blockSize+slack), limit: maxRecord, line: 1,
		splitter: splitter{delimiter: d.delimiter, quote: d.quote},
	}
}

// errHeld says that the next record can't be had before those that are held are let go.
var errHeld = errors.New("the buffer is in use")

// next reads the next record. It returns a *syntaxError for one that can't be split, after which the reading goes on,
// io.EOF after the last, and the error of what is read where that ends otherwise. While records are held it returns errHeld
// where it would move them.
func (r *reader) next() error {
	for {
		b := r.buf[r.pos:min(r.end, r.pos+r.limit)]
		last := r.err == io.EOF && r.pos+len(b) == r.end
		n, err := r.split(b, marks{r.marked, r.pos}, last)
		switch {
		case err != nil && r.held && r.err == nil:
			return errHeld // what refuse passes over may end beyond the buffer
		case err != nil:
			return r.refuse(err)
		case n > 0 && r.count > len(r.fields) && r.wide:
			r.fields = make([]field, r.count)
			continue
		case n > 0:
			r.take(n)
			return nil
		case n == 0 && r.held && r.err == nil:
			return errHeld
		case len(b) == r.limit && (r.err != nil || r.pos+len(b) < r.end): // and it isn't the end that is missing
			return r.refuse(r.tooLong(r.limit))
		case r.err != nil:
			return r.err
		}
		r.fill()
	}
}

// take makes the next n bytes the record.
func (r *reader) take(n int) {
	r.record = r.buf[r.pos : r.pos+n]
	r.start = r.line
	r.open = !r.endsLine(r.record[n-1])
	if r.multiline {
		r.line += r.lines(r.record)
	} else {
		r.line++
	}
	r.pos += n
	r.offset += int64(n)
}

// refuse passes over the rest of the line that err is about, and returns err with its lines.
func (r *reader) refuse(err *syntaxError) error {
	r.start = r.line
	r.skip(err.at)
	err.line = r.line
	for {
		n := r.lineEnd(r.buf[r.pos:r.end], r.err == io.EOF)
		if n > 0 {
			r.skip(n)
			break
		}
		r.skip(max(0, r.end-r.pos-1)) // a CR at the end may be half of a line break
		if r.err != nil {
			r.skip(r.end - r.pos)
			break
		}
		r.fill()
	}
	return err
}

// skip passes over n bytes that are in the buffer.
func (r *reader) skip(n int) {
	if n > 0 {
		r.open = !r.endsLine(r.buf[r.pos+n-1])
	}
	r.line += r.lines(r.buf[r.pos : r.pos+n])
	r.pos += n
	r.offset += int64(n)
}

// seek passes over everything before offset without splitting it.
func (r *reader) seek(offset int64) error {
	for r.offset < offset {
		if r.pos == r.end {
			if r.err != nil {
				return r.err
			}
			r.fill()
		}
		n := int(min(int64(r.end-r.pos), offset-r.offset))
		r.pos += n
		r.offset += int64(n)
	}
	return nil
}

// sum returns the hash of everything before offset.
func (r *reader) sum() [16]byte {
	r.digest()
	return r.hash.Sum128().Bytes()
}

func (r *reader) digest() {
	r.hash.Write(r.buf[r.hashed:r.pos])
	r.hashed = r.pos
}

// release lets go the records that are held. If fewer bytes are left in the buffer than they had, it is filled: the next
// records are to be held as many.
func (r *reader) release() {
	size := int(r.offset - r.holding)
	r.held, r.undoubled, r.holding = false, r.undoubled[:0], r.offset
	if r.end-r.pos < size && r.err == nil {
		r.fill()
	}
}

// more tells whether there is anything to read.
func (r *reader) more() (bool, error) {
	for r.pos == r.end && r.err == nil {
		r.fill()
	}
	if r.pos < r.end || r.err == io.EOF {
		return r.pos < r.end, nil
	}
	return false, r.err
}

// fill reads until the buffer is full or src ends. Where the buffer is full already, it grows: a record is read with
// a few calls of fill, however small src's pieces are.
func (r *reader) fill() {
	r.digest()
	if r.pos > 0 {
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos, r.hashed = 0, 0
	}
	if size := len(r.buf) - slack; r.end == size {
		r.buf = append(r.buf, make([]byte, min(size, r.limit+1-size))...)
	}
	room := r.buf[:len(r.buf)-slack]
	for idle := 0; r.end < len(room) && r.err == nil; {
		n, err := r.src.Read(room[r.end:])
		r.end += n
		if idle++; n > 0 {
			idle = 0
		}
		if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
		r.err = err
	}
	r.mark()
}

// mark makes the marks of what is in the buffer.
func (r *reader) mark() { r.marked, r.ascii = r.splitter.mark(r.marked[:0], r.buf[:(r.end+63)&^63]) }

// detect finds out whether the first line ends with a lone CR.
func (r *reader) detect() {
	if r.end == 0 && r.err == nil {
		r.fill()
	}
	defer r.mark()
	quoted := false
	for i, c := range r.buf[:r.end] {
		switch {
		case c == lineFeed && !quoted:
			return
		case c == r.quote:
			quoted = !quoted
		case c == carriageReturn && !quoted:
			r.cr = i+1 < r.end && r.buf[i+1] != lineFeed
			return
		}
	}
}

// lines counts the line breaks of b.
func (s *splitter) lines(b []byte) int64 {
	n := bytes.Count(b, []byte{lineFeed})
	if s.cr {
		n += bytes.Count(b, []byte{carriageReturn}) - bytes.Count(b, []byte("\r\n"))
	}
	return int64(n)
}

// endsLine tells whether c is the last byte of a line break.
func (s *splitter) endsLine(c byte) bool { return c == lineFeed || c == carriageReturn && s.cr }

// lineEnd returns the length of b's first line with its line break; 0 if b doesn't tell.
func (s *splitter) lineEnd(b []byte, last bool) int {
	if !s.cr {
		return bytes.IndexByte(b, lineFeed) + 1
	}
	i := bytes.IndexAny(b, "\r\n")
	switch {
	case i < 0 || i == len(b)-1 && b[i] == carriageReturn && !last:
		return 0
	case b[i] == carriageReturn && i+1 < len(b) && b[i+1] == lineFeed:
		return i + 2
	}
	return i + 1
}

// blank tells whether the record is a blank line.
func (r *reader) blank() bool {
	return r.count == 1 && r.fields[0].empty() && !r.fields[0].is(quoted)
}

// plain returns the field's text, without doubled quotes; valid until next is called, and as long as records are held.
func (r *reader) plain(f field) []byte {
	text := f.of(r.record)
	if !f.is(doubled) {
		return text
	}
	if !r.held {
		r.undoubled = r.undoubled[:0]
	}
	from := len(r.undoubled)
	for {
		i := bytes.IndexByte(text, r.quote) + 1
		if i == 0 {
			r.undoubled = append(r.undoubled, text...)
			return r.undoubled[from:]
		}
		r.undoubled = append(r.undoubled, text[:i]...)
		text = text[i+1:]
	}
}
