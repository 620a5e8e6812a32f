package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A connection is how one process reaches the store: calls take time, may fail before they have an effect, and are cut
// off when the process is killed. What was on its way to the database then may still have its effect.
type connection struct {
	p     *process
	store *model.Store
	once  sync.Once
	lease context.Context // ends once the lease needs no renewal any more
	done  context.CancelFunc
	ended bool // so; guarded by the world's mu
}

// end stops the renewing of the lease.
func (c *connection) end() {
	c.once.Do(func() {
		c.done()
		c.p.w.mu.Lock()
		defer c.p.w.mu.Unlock()
		c.p.until, c.ended = time.Time{}, true
	})
}

// call takes a call to the store and back.
func (c *connection) call(ctx context.Context, kind, id string, effect func() error) error {
	p := c.p
	d := p.dice("store " + kind + " " + id)
	if err := p.step("before " + kind); err != nil {
		return err
	}
	if err := p.sleep(d.wide(100*time.Microsecond, p.w.slow), d); err != nil {
		if d.chance(0.5) {
			p.w.s.note("%s %s %s takes effect after its process was killed", p.name, kind, id)
			_ = effect()
		}
		return err
	}
	if err := p.step("on the way to " + kind); err != nil {
		if d.chance(0.5) {
			_ = effect()
		}
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if d.chance(p.w.fault(p.w.storeFaults)) {
		p.w.met("store call failed")
		p.w.s.note("%s %s %s fails", p.name, kind, id)
		return errLost
	}
	err := effect()
	p.w.s.note("%s %s %s: %v", p.name, kind, id, err)
	if errors.Is(err, pipeline.ErrFenced) && kind != "finish" {
		p.w.met("fenced intend or commit")
	}
	if lost := p.step("after " + kind); lost != nil {
		return lost
	}
	if lost := p.sleep(d.wide(100*time.Microsecond, p.w.slow), d); lost != nil {
		return lost
	}
	return err
}

// Start takes the lease, and waits for it while it is unclear whether its holder is alive.
func (c *connection) Start(ctx context.Context, b pipeline.Begin) (r pipeline.Resume, err error) {
	for {
		var idle time.Duration
		asked, taken := time.Now(), time.Time{}
		err := c.call(ctx, "start", "", func() (err error) {
			taken = time.Now()
			if r, idle, err = c.store.Take(b, c.p.name); err == nil {
				c.granted(r)
			}
			return err
		})
		_, held := errors.AsType[*pipeline.HeldError](err)
		switch {
		case err == nil:
			c.p.w.mu.Lock()
			c.p.until = asked.Add(model.TTL - model.Margin)
			c.p.w.mu.Unlock()
			go c.keep(c.lease, r.Epoch, b.OnLost)
			for i := range r.Doubtful {
				r.Doubtful[i].Age += time.Since(taken)
			}
			r.Permit = c.p.permit
			return r, nil
		case !held || idle < model.Fresh:
			return r, err
		}
		c.p.w.met("waited for a silent holder")
		if err := c.p.sleep(time.Second, c.p.dice("poll")); err != nil {
			return r, err
		}
	}
}

// granted notes a lease on the books of the oracle.
func (c *connection) granted(r pipeline.Resume) {
	p := c.p
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.epoch, p.doubts = r.Epoch, len(r.Doubtful)
	p.w.granted(p)
	if p.killed { // its sessions are gone before it heard of the grant
		p.w.store.Release(r.Epoch)
	}
}

// keep renews the lease until the run ends.
func (c *connection) keep(ctx context.Context, epoch int64, lost func(error)) {
	pause := 10 * time.Second
	for {
		d := c.p.dice("keep")
		timer := time.NewTimer(pause + d.between(0, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		asked, renewed := time.Now(), false
		err := c.call(ctx, "renew", "", func() error {
			renewed = c.store.Renew(epoch)
			return nil
		})
		c.p.w.mu.Lock()
		until := c.p.until
		if err == nil && renewed && !c.ended {
			c.p.until = asked.Add(model.TTL - model.Margin)
		}
		c.p.w.mu.Unlock()
		switch {
		case errors.Is(err, model.ErrKilled):
			return
		case err == nil && !renewed:
			lost(pipeline.ErrFenced)
			return
		case err == nil:
			pause = 10 * time.Second
		case !time.Now().Before(until):
			lost(fmt.Errorf("the lease couldn't be renewed: %w", err))
			return
		default:
			pause = time.Second
		}
	}
}

// Known, Ledger, Keys, Holdings, CountHoldings, Waiting, Records, Owners, Sharers and Earlier read.
func (c *connection) Known(ctx context.Context, name string, keys []string) (list []pipeline.Entry, err error) {
	err = c.call(ctx, "known", "", func() (err error) {
		list, err = c.store.Known(ctx, name, keys)
		return err
	})
	return list, err
}

func (c *connection) Ledger(ctx context.Context, name, after string, limit int) (page []pipeline.KeyedEntry, err error) {
	err = c.call(ctx, "ledger", "", func() (err error) {
		page, err = c.store.Ledger(ctx, name, after, limit)
		return err
	})
	return page, err
}

func (c *connection) Keys(ctx context.Context, name, after string, limit int) (page []string, err error) {
	err = c.call(ctx, "keys", "", func() (err error) {
		page, err = c.store.Keys(ctx, name, after, limit)
		return err
	})
	return page, err
}

func (c *connection) Holdings(ctx context.Context, name string, keys []string) (list []pipeline.Holding, err error) {
	err = c.call(ctx, "holdings", "", func() (err error) {
		list, err = c.store.Holdings(ctx, name, keys)
		return err
	})
	return list, err
}

func (c *connection) CountHoldings(ctx context.Context, name string) (n int64, err error) {
	err = c.call(ctx, "count holdings", "", func() (err error) {
		n, err = c.store.CountHoldings(ctx, name)
		return err
	})
	return n, err
}

func (c *connection) Waiting(ctx context.Context, name string, after *pipeline.LinkChange, limit int) (page []pipeline.LinkChange, err error) {
	err = c.call(ctx, "waiting", "", func() (err error) {
		page, err = c.store.Waiting(ctx, name, after, limit)
		return err
	})
	return page, err
}

func (c *connection) Records(ctx context.Context, account, object, property string, values []string) (ids map[string]string, err error) {
	err = c.call(ctx, "records", object, func() (err error) {
		ids, err = c.store.Records(ctx, account, object, property, values)
		return err
	})
	return ids, err
}

func (c *connection) Owners(ctx context.Context, name string, ids []string) (keys map[string]string, err error) {
	err = c.call(ctx, "owners", slices.Min(ids), func() (err error) {
		keys, err = c.store.Owners(ctx, name, ids)
		return err
	})
	return keys, err
}

func (c *connection) Sharers(ctx context.Context, name string, pairs [][2]string) (shared []pipeline.SharedLink, err error) {
	err = c.call(ctx, "sharers", "", func() (err error) {
		shared, err = c.store.Sharers(ctx, name, pairs)
		return err
	})
	return shared, err
}

func (c *connection) Earlier(ctx context.Context, name string, run int64, whole bool) (n int64, err error) {
	err = c.call(ctx, "earlier", "", func() error {
		n, err = c.store.Earlier(ctx, name, run, whole)
		return err
	})
	return n, err
}

// Digest, DigestSize and Compact are about the digest of the ledger.
func (c *connection) Digest(ctx context.Context, name string, epoch int64, each func([]byte) error) (number int64, err error) {
	err = c.call(ctx, "digest", "", func() (err error) {
		number, err = c.store.Digest(ctx, name, epoch, each)
		return err
	})
	return number, err
}

func (c *connection) DigestSize(ctx context.Context, name string) (n int64, err error) {
	err = c.call(ctx, "digest size", "", func() (err error) {
		n, err = c.store.DigestSize(ctx, name)
		return err
	})
	return n, err
}

func (c *connection) Compact(ctx context.Context, name string, epoch, number int64, entries iter.Seq[[]byte]) error {
	return c.call(ctx, "compact", "", func() error { return c.store.Compact(ctx, name, epoch, number, entries) })
}

// Intend, Commit and Finish write; the oracle looks at what they are about to do.
func (c *connection) Intend(ctx context.Context, g pipeline.Group) error {
	return c.call(ctx, "intend", fmt.Sprint(g.Intents[0].Key, " ", g.Intents[0].Version), func() error {
		c.p.w.intended(c.p, g)
		return c.store.Intend(ctx, g)
	})
}

func (c *connection) Commit(ctx context.Context, commit pipeline.Commit) error {
	return c.call(ctx, "commit", "", func() error {
		c.p.w.committing(c.p, commit)
		err := c.store.Commit(ctx, commit)
		if err == nil {
			c.p.w.committed(commit)
		}
		return err
	})
}

func (c *connection) Finish(ctx context.Context, f pipeline.Finish) error {
	err := c.call(ctx, "finish", "", func() error {
		c.end()
		err := c.store.Finish(ctx, f)
		if err == nil {
			c.p.w.finished(c.p, f)
		}
		return err
	})
	c.end()
	c.store.Release(f.Epoch)
	return err
}
