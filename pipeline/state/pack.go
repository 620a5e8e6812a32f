package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sluice/pipeline"
)

// packFormat is the first byte of packed intents. Those of format 1, from before attempts were counted, and of format 2, from
// before they held what is sent, are read as well.
const packFormat = 3

// pack writes intents as one compact value: a row for each would cost the server seven times as much.
func pack(intents []pipeline.Intent) []byte {
	b := []byte{packFormat}
	b = binary.AppendUvarint(b, uint64(len(intents)))
	for _, i := range intents {
		b = binary.AppendVarint(b, i.Version)
		b = binary.AppendVarint(b, i.Attempt)
		b = binary.AppendVarint(b, int64(i.Action))
		b = append(b, i.Hash[:]...)
		for _, text := range []string{i.Key, i.TraceID, i.ID, i.Match} {
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
		b = packSent(b, i.Sent)
	}
	return b
}

func packSent(b []byte, sent pipeline.Sent) []byte {
	b = binary.AppendUvarint(b, uint64(len(sent)))
	for _, v := range sent {
		for _, text := range [...]string{v.Property, v.Value} {
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
	}
	return b
}

var errPacked = errors.New("packed intents are damaged")

// unpack reads what pack has written.
func unpack(b []byte) ([]pipeline.Intent, error) {
	if len(b) == 0 || b[0] == 0 || b[0] > packFormat {
		return nil, fmt.Errorf("%w or of a newer format", errPacked)
	}
	r := reader{rest: b[1:]}
	n := r.uvarint()
	if n > uint64(len(b)) {
		return nil, errPacked
	}
	list := make([]pipeline.Intent, 0, n)
	for range n {
		i := pipeline.Intent{Version: r.varint(), Attempt: 1}
		if b[0] > 1 {
			i.Attempt = r.varint()
		}
		i.Action, i.Hash = pipeline.Action(r.varint()), toHash(r.bytes(len(pipeline.Hash{})))
		for _, text := range []*string{&i.Key, &i.TraceID, &i.ID, &i.Match} {
			*text = r.text()
		}
		if b[0] > 2 {
			i.Sent = r.sent()
		}
		list = append(list, i)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errPacked
	}
	return list, nil
}

// A reader takes values off the front of bytes, and remembers whether they ran out.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

// text reads a text with its length before it.
func (r *reader) text() string {
	size := r.uvarint()
	return string(r.bytes(int(min(size, uint64(len(r.rest)+1)))))
}

func (r *reader) sent() pipeline.Sent {
	n := r.uvarint()
	if n == 0 {
		return nil
	}
	var sent pipeline.Sent
	for ; n > 0 && !r.bad; n-- {
		sent = append(sent, pipeline.SentValue{Property: r.text(), Value: r.text()})
	}
	return sent
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
