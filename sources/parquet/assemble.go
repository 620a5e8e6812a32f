package parquet

// write appends the node's value in the current row as JSON, and moves its leaves past it.
func (n *node) write(b []byte) ([]byte, error) {
	if len(b) > maxValue {
		return b, errTooLarge
	}
	first := n.leaves[0]
	if first.pos >= len(first.defs) {
		return b, errLevels
	}
	def := first.defs[first.pos]
	if def < n.def {
		return append(b, "null"...), n.pass(n.in, n.def)
	}
	switch n.kind {
	case leafNode:
		b = append(b, first.entry()...)
		first.pos++
		return b, nil
	case structNode:
		return n.writeStruct(b)
	}
	if n.kind == mapNode && n.children[0].kind == leafNode {
		return n.writeElements(b, def, '{', '}', (*node).writeEntry)
	}
	if n.kind == mapNode {
		return n.writeElements(b, def, '[', ']', (*node).writePair)
	}
	return n.writeElements(b, def, '[', ']', func(n *node, b []byte) ([]byte, error) { return n.children[0].write(b) })
}

// pass moves all leaves past the one entry that says that there is nothing. What is there ends at the same level in
// all of them: low or above, but below high.
func (n *node) pass(low, high int16) error {
	for _, l := range n.leaves {
		if l.pos >= len(l.defs) || l.defs[l.pos] < low || l.defs[l.pos] >= high {
			return errLevels
		}
		l.pos++
	}
	return nil
}

func (l *leaf) entry() []byte {
	if l.pos == 0 {
		return l.text[:l.ends[0]]
	}
	return l.text[l.ends[l.pos-1]:l.ends[l.pos]]
}

func (n *node) writeStruct(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	for i, c := range n.children {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, c.name), ':')
		if b, err = c.write(b); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// writeElements writes a list or a map, whose first entry has the level def.
func (n *node) writeElements(b []byte, def int16, open, end byte, write func(*node, []byte) ([]byte, error)) (_ []byte, err error) {
	b = append(b, open)
	if def < n.full {
		return append(b, end), n.pass(n.def, n.full)
	}
	first := n.leaves[0]
	for {
		if b, err = write(n, b); err != nil {
			return b, err
		}
		if first.pos >= len(first.reps) || first.reps[first.pos] != n.rep {
			return append(b, end), nil
		}
		b = append(b, ',')
	}
}

// writeEntry writes an entry of a map with a simple key, which becomes text.
func (n *node) writeEntry(b []byte) ([]byte, error) {
	at := len(b)
	b, err := n.children[0].write(b)
	if err != nil {
		return b, err
	}
	if key := string(b[at:]); key[0] != '"' {
		b = appendQuoted(b[:at], key)
	}
	return n.children[1].write(append(b, ':'))
}

// writePair writes an entry of a map whose key is nested.
func (n *node) writePair(b []byte) ([]byte, error) {
	b, err := n.children[0].write(append(b, `{"key":`...))
	if err != nil {
		return b, err
	}
	b, err = n.children[1].write(append(b, `,"value":`...))
	return append(b, '}'), err
}
