package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A process is one run with its own connections: it can be killed, stopped for a while, and asked to end.
type process struct {
	w      *world
	name   string
	ctx    context.Context
	cancel context.CancelCauseFunc
	drain  chan struct{}
	ended  chan struct{}
	report pipeline.Report
	err    error
	opts   pipeline.Options

	// Guarded by the world's mu.
	killed  bool
	paused  time.Time // it is stopped until then
	woken   bool      // after another one was granted the lease
	steps   int       // places passed at which it could be killed
	killAt  int       // 0: nowhere
	epoch   int64     // granted to it
	until   time.Time // it may send until then
	doubts  int       // that it found when it started
	drained bool
}

// dice returns the draws for what the process does.
func (p *process) dice(what string) *dice { return p.w.s.dice(p.name + " " + what) }

// sleep lets d pass, and more if the process is stopped then. It returns model.ErrKilled if the process has been killed.
func (p *process) sleep(d time.Duration, dice *dice) error {
	time.Sleep(d)
	for {
		p.w.mu.Lock()
		killed, left := p.killed, time.Until(p.paused)
		if !p.woken && !killed && left <= 0 && p.epoch != 0 && !p.paused.IsZero() && p.w.store.Epoch() != p.epoch {
			p.woken = true
			p.w.count("woken after a takeover")
		}
		p.w.mu.Unlock()
		switch {
		case killed:
			return model.ErrKilled
		case left <= 0:
			return nil
		}
		time.Sleep(left + dice.between(time.Microsecond, 5*time.Millisecond))
	}
}

// step is a place at which the process may be killed.
func (p *process) step(where string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.steps++; p.steps == p.killAt && !p.killed {
		p.w.s.note("%s is killed %s", p.name, where)
		p.die()
	}
	if p.killed {
		return model.ErrKilled
	}
	return nil
}

// kill ends the process, wherever it is.
func (p *process) kill() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if !p.killed && !p.over() {
		p.w.s.note("%s is killed from outside", p.name)
		p.die()
	}
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// die drops the process's database sessions, and with them its lease. The caller holds the world's mu.
func (p *process) die() {
	w := p.w
	w.count("killed")
	if w.recovering(p) {
		w.recoveries++
		w.count("killed in recovery")
		if w.recoveries > 1 {
			w.count("killed in recovery of recovery")
		}
	} else {
		w.recoveries = 0
	}
	if p.drained {
		w.count("killed in a drain")
	}
	w.disturbed()
	p.killed = true
	w.store.Release(p.epoch)
	p.cancel(model.ErrKilled)
}

// stop stops the process for d, as SIGSTOP and SIGCONT do.
func (p *process) stop(d time.Duration) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if !p.killed && !p.over() {
		p.w.s.note("%s is stopped for %v", p.name, d)
		p.w.count("stopped")
		p.w.disturbed()
		p.paused = time.Now().Add(d)
	}
}

// ask asks the process to end what it has begun; the second time, to end at once.
func (p *process) ask() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	switch {
	case p.killed || p.over():
	case p.drained:
		p.w.s.note("%s is interrupted", p.name)
		p.w.count("aborted")
		p.w.disturbed()
		p.cancel(pipeline.ErrInterrupted)
	default:
		p.w.s.note("%s is drained", p.name)
		if p.w.hub.onTheWay(p) > 0 {
			p.w.count("drained with writes on their way")
		}
		p.w.disturbed()
		p.drained = true
		close(p.drain)
	}
}

// run runs the pipeline in this process.
func (p *process) run(rows []simRow, opts pipeline.Options) {
	defer close(p.ended)
	opts.Drain, p.opts = p.drain, opts
	var sink pipeline.SinkConfig = &simSink{hub: p.w.hub, p: p}
	var transform pipeline.TransformConfig = mapped{}
	if p.w.shared {
		transform = sharing{}
	}
	if p.w.pairs != nil {
		sink, transform = pairSink{&simSink{hub: p.w.hub, p: p}}, paired{}
	}
	line, err := pipeline.Open(p.ctx, pipeline.Definition{Name: "p", Key: []string{"id"}, Fingerprint: "f",
		Source: &simSource{p: p, rows: rows, version: p.w.version}, Transforms: []pipeline.TransformConfig{transform}, Sink: sink}, pipeline.Env{})
	if err != nil {
		p.w.violate("open: %v", err)
		return
	}
	line.SetTurns(p.turn)
	conn := &connection{p: p, store: p.w.store}
	conn.lease, conn.done = context.WithCancel(p.ctx)
	p.report, p.err = line.Run(p.ctx, conn, opts)
	conn.end()
	p.w.s.note("%s ends: %v %+v", p.name, p.err, p.report)
	p.w.audit(p)
}

// turn lets a moment pass where goroutines of one run would go on at the same one.
func (p *process) turn(of string) {
	d := p.dice("turn " + of)
	wait := d.between(time.Microsecond, time.Millisecond)
	if d.chance(0.1) {
		wait = d.between(time.Millisecond, time.Second)
	}
	_ = p.sleep(wait, d)
}

// permit is asked before each request is sent.
func (p *process) permit() error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if !time.Now().Before(p.until) {
		p.w.count("refused a permit")
		return fmt.Errorf("the lease may have ended: %w", pipeline.ErrFenced)
	}
	return nil
}

// errLost is what a call returns whose connection broke.
var errLost = errors.New("the connection was lost")
