package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"sluice/pipeline"
)

// A progress shows how a run is going: as one line that is drawn anew on a terminal, as log lines elsewhere.
type progress struct {
	w     io.Writer
	width int
	live  bool
	log   *slog.Logger
	last  time.Time
	every time.Duration
	drawn bool
}

func (a *app) progress() *progress {
	p := &progress{w: a.stderr, live: a.live(), log: a.log(), every: 10 * time.Second, last: time.Now()}
	if p.live {
		p.width, _ = terminal(a.stderr)
		p.every = 100 * time.Millisecond
	}
	return p
}

// observe shows the report, not more often than every so often.
func (p *progress) observe(r pipeline.Report) {
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	rate := float64(r.Read) / max(r.Seconds, 0.001)
	if !p.live {
		p.log.Info("running", "pipeline", r.Name, "read", r.Read, "written", r.Written, "unchanged", r.Unchanged,
			"rejected", r.Rejected, "held", r.Held, "linked", r.Linked, "archived", r.Archived, "requests", r.Requests, "rows_per_second", int64(rate), "budget", fmt.Sprintf("%.0f%%", r.Budget*100))
		return
	}
	line := fmt.Sprintf("%s: %d read, %d written, %d unchanged, %d rejected, %.0f rows/s", r.Name, r.Read, r.Written, r.Unchanged, r.Rejected, rate)
	if r.Linked > 0 {
		line += fmt.Sprintf(", %d linked", r.Linked)
	}
	if r.Archived > 0 {
		line += fmt.Sprintf(", %d archived", r.Archived)
	}
	if r.Budget > 0 {
		line += fmt.Sprintf(", %.0f%% of the API budget", r.Budget*100)
	}
	if len(line) >= p.width {
		line = line[:max(0, p.width-1)]
	}
	fmt.Fprint(p.w, clearLine, line)
	p.drawn = true
}

// clear takes the line off the terminal.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, clearLine)
		p.drawn = false
	}
}

// clearLine takes what a terminal shows off the line that the cursor is on.
const clearLine = "\r\x1b[K"

// An overwriter writes lines to a terminal, in the place of the line of progress, which is drawn anew below them.
type overwriter struct{ io.Writer }

// Write writes whole lines.
func (o overwriter) Write(lines []byte) (int, error) {
	if _, err := o.Writer.Write(append([]byte(clearLine), lines...)); err != nil {
		return 0, err
	}
	return len(lines), nil
}
