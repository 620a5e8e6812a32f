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
func (r *run) track(key string, place Place, counter *int64, links int) {
	hash := keyHash(key)
	if old := r.linked[hash]; old != nil && old.counted == &r.report.Held {
		r.report.Held--
		r.report.Superseded++
	}
	delete(r.linked, hash)
	if counter != nil {
		r.linked[hash] = &linkedRow{counted: counter, left: links, place: place}
	}
}

// placeOf returns where the row of a waiting link is; nowhere if this run hasn't read it. The caller holds mu.
func (r *run) placeOf(key string) Place {
	if row := r.linked[keyHash(key)]; row != nil {
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
			r.report.Unlinked++
		} else {
			r.report.Linked++
		}
	}
	if r.limits.LinksOnly && !o.Change.Remove {
		r.judge(o.Verdict == Refused)
	}
	r.moveRow(o)
}

// moveRow moves the row of a decided link from the counter that holds it to the one where it belongs now. The caller
// holds mu.
func (r *run) moveRow(o *LinkOutcome) {
	hash := keyHash(o.Change.Key)
	row := r.linked[hash]
	if row == nil {
		if o.Verdict == Refused {
			r.report.Review++ // its row isn't one of this run's, but somebody has to look
		}
		return
	}
	move := func(to *int64) {
		*row.counted--
		*to++
		delete(r.linked, hash)
	}
	if o.Verdict == Refused {
		move(&r.report.Rejected)
		return
	}
	row.changed = row.changed || !o.NoOp
	if row.left--; row.left != 0 {
		return
	}
	switch {
	case row.counted != &r.report.Held:
		delete(r.linked, hash)
	case row.changed:
		move(&r.report.Written)
	default:
		move(&r.report.Unchanged)
	}
}
