package torture

import (
	"encoding/binary"
	"errors"
)

// An intent is one of sluice.intent_group.items: what was about to be sent.
type intent struct {
	version int64
	attempt int64
	action  rune
	hash    string
	key     string
	trace   string
	id      string
	match   string
	sent    cells // of properties that others may write, too
}

// unpack reads packed intents. It shares no code with what packs them, so that it doesn't share its mistakes.
func unpack(b []byte) ([]intent, error) {
	bad := errors.New("packed intents are damaged, or of a format that this test doesn't know")
	if len(b) == 0 || b[0] != 3 {
		return nil, bad
	}
	b = b[1:]
	number := func() int64 {
		v, n := binary.Varint(b)
		b = b[max(0, n):]
		return v
	}
	text := func(size int) string {
		if size < 0 || size > len(b) {
			b = nil
			return ""
		}
		out := string(b[:size])
		b = b[size:]
		return out
	}
	length := func() int {
		v, n := binary.Uvarint(b)
		b = b[max(0, n):]
		return int(v)
	}
	list := make([]intent, 0, 100)
	for range length() {
		i := intent{version: number(), attempt: number(), action: rune(number()), hash: text(16)}
		i.key, i.trace, i.id, i.match = text(length()), text(length()), text(length()), text(length())
		if n := length(); n > 0 {
			i.sent = cells{}
			for range n {
				name := text(length())
				i.sent[name] = text(length())
			}
		}
		if i.trace == "" {
			return nil, bad
		}
		list = append(list, i)
	}
	return list, nil
}
