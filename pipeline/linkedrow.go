package pipeline

// A linkedRow is a row of this run whose links are waiting: it moves from one counter to another when they are decided.
type linkedRow struct {
	counted *int64 // the counter that holds the row now
	left    int    // links to be decided; 0 where that isn't known
	changed bool   // a link was made or removed
	place   Place
}

// track remembers in which counter a row with waiting links stands. An earlier row of the key that is still held for
// links has asked for what nobody waits for any more. The caller holds mu.
func (b *books) track(key string, place Place, counter *int64, links int) {
	hash := keyHash(key)
	if old := b.linked[hash]; old != nil && old.counted == &b.report.Held {
		b.report.Held--
		b.report.Superseded++
	}
	delete(b.linked, hash)
	if counter != nil {
		b.linked[hash] = &linkedRow{counted: counter, left: links, place: place}
	}
}

// placeOf returns where the row of a waiting link is; nowhere if this run hasn't read it. The caller holds mu.
func (b *books) placeOf(key string) Place {
	if row := b.linked[keyHash(key)]; row != nil {
		return row.place
	}
	return Place{}
}

// bookLink counts a decided link, and moves its row. The caller holds mu.
func (r *run) bookLink(o *LinkOutcome) {
	if o.NoOp && o.Change.Was != nil && !o.Change.Remove {
		o.NoOp = false // an earlier attempt of ours has made it
	}
	if !o.NoOp && o.Verdict == Done {
		if o.Change.Remove {
			r.books.report.Unlinked++
		} else {
			r.books.report.Linked++
		}
	}
	if r.limits.LinksOnly && !o.Change.Remove {
		r.judge(o.Verdict == Refused)
	}
	r.books.moveRow(o)
}

// moveRow moves the row of a decided link from the counter that holds it to the one where it belongs now. The caller
// holds mu.
func (b *books) moveRow(o *LinkOutcome) {
	hash := keyHash(o.Change.Key)
	row := b.linked[hash]
	if row == nil {
		if o.Verdict == Refused {
			b.report.Review++ // its row isn't one of this run's, but somebody has to look
		}
		return
	}
	move := func(to *int64) {
		*row.counted--
		*to++
		delete(b.linked, hash)
	}
	if o.Verdict == Refused {
		move(&b.report.Rejected)
		return
	}
	row.changed = row.changed || !o.NoOp
	if row.left--; row.left != 0 {
		return
	}
	switch {
	case row.counted != &b.report.Held:
		delete(b.linked, hash)
	case row.changed:
		move(&b.report.Written)
	default:
		move(&b.report.Unchanged)
	}
}
