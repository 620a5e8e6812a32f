package pipeline

// books are what became of the rows of a run, and what the next commit has to record of that. The run's mu guards them.
type books struct {
	report Report
	spans  []*span // batches of the source that the checkpoint hasn't passed, in their order
	notes  notes   // for the next commit

	linked map[uint64]*linkedRow // by keyHash
	unread map[string]bool       // keys of changes of earlier processes that weren't written, and whose rows haven't been read
	wanted int                   // links wanted since they were last written
}

// A span is a batch of the source on its way: its end may become the checkpoint once nothing before it is undecided (I8).
type span struct {
	end       Position
	undecided int
	read      bool // all rows of the batch have been looked at
}

// notes are decisions and rejects that need no write. The next commit records them.
type notes struct {
	decisions []Decision
	keys      []string // of the decisions: busy until they are committed
	rejects   []Reject
	seen      []string
	closed    []string
	landing   []landing // of keys whose doubt has ended
	reread    bool      // the next run has to read rows that were refused by this one
}

func (n *notes) len() int { return len(n.decisions) + len(n.rejects) + len(n.seen) + len(n.closed) }

// advance takes the decided spans off the front and returns the end of the last of them: the checkpoint never passes an
// undecided row (I8). The caller holds mu.
func (b *books) advance() Position {
	var end Position
	for len(b.spans) > 0 && b.spans[0].read && b.spans[0].undecided == 0 {
		if b.spans[0].end == nil {
			break // cut off by a limit: the rows behind it haven't been looked at
		}
		end = b.spans[0].end
		b.spans = b.spans[1:]
	}
	return end
}

// due tells whether a commit has anything to record, or the checkpoint to follow. The caller holds mu.
func (b *books) due() bool {
	return b.notes.len() > 0 || len(b.spans) > 0 && b.spans[0].read && b.spans[0].undecided == 0
}

// note keeps a decision for the next commit; until then its key is busy. The caller holds mu.
func (r *run) note(p *pending, d Decision) {
	r.books.notes.decisions = append(r.books.notes.decisions, d)
	r.books.notes.keys = append(r.books.notes.keys, p.Key)
	r.flights.busy[p.Key] = &flight{hash: p.Hash}
}

// rejectRow books a row that never becomes a change. The reject is committed with the next group.
func (r *run) rejectRow(reject Reject) {
	r.markSeen(reject.Key)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.yields.rows, reject.Key)
	r.books.notes.rejects = append(r.books.notes.rejects, reject)
	r.books.report.Rejected++
	r.judge(true)
}

// count adds n to one of the report's counters.
func (r *run) count(counter *int64, n int) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	*counter += int64(n)
	r.mu.Unlock()
}

// countRequests brings the report's requests up to date; the caller holds mu.
func (r *run) countRequests() {
	if t, ok := r.Sink.(Throttle); ok {
		r.books.report.Requests, r.books.report.Budget = t.Requests()-r.before, t.Budget()
	}
}
