package hubspot

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// A trouble is what a run is to meet.
type trouble struct {
	faults []hubspottest.Fault
	killed string  // where the process dies: "", a request or a transaction, before or after it
	at     int64   // at which of them
	visits []int64 // the requests during which people do something
}

// trouble draws what a run is to meet.
func (c *campaign) trouble(d *rand.Rand) (t trouble) {
	for range d.IntN(4) {
		f := hubspottest.Fault{Path: pick(d, "batch/(create|upsert|update)$", "batch/(create|upsert|update)$", "batch/read$", ""), Skip: d.IntN(6), Count: 1 + d.IntN(2)}
		switch f.Kind = pick(d, "status", "status", "reset", "reset", "truncate", "cut", "html", "empty", "no_errors", "omit", "partial", "late", "lock", "drip"); f.Kind {
		case "status":
			f.Status = pick(d, 429, 500, 502, 504)
			f.After = f.Status >= 500 && d.IntN(2) == 0
		case "reset":
			f.After = d.IntN(3) > 0
		case "late":
			f.Delay = time.Duration(d.IntN(35)) * time.Second
		case "truncate", "html", "empty", "no_errors", "omit", "partial":
			f.Path = "batch/(create|upsert|update)$" // of other answers not even a fragment is taken for one
		}
		if f.Kind == "truncate" && c.portal.Switches().UpdateMissing == "e" {
			continue
		}
		t.faults = append(t.faults, f)
	}
	if d.IntN(3) == 0 {
		t.killed, t.at = pick(d, "before a request", "after a request", "before a transaction", "after a transaction"), 1+d.Int64N(8)
	}
	if c.ties != nil {
		c.tieTrouble(c.tieDice(), &t)
	}
	for range d.IntN(3) {
		t.visits = append(t.visits, 1+d.Int64N(9))
	}
	return t
}

// A process is one run of the pipeline.
type process struct {
	state.Store
	trouble
	*campaign
	cancel                 context.CancelFunc
	requests, transactions atomic.Int64
	links                  atomic.Int64 // requests about them
	dead                   atomic.Bool
}

// passes tells that the process is before or after the n-th of something, where it may die.
func (p *process) passes(where string, n int64) {
	if p.killed == where && p.at == n && !p.dead.Swap(true) {
		p.note("killed %s, %d", where, n)
		p.count("killed " + where)
		p.cancel()
	}
}

// transact carries out a transaction, unless the process is dead by then.
func (p *process) transact(do func() error) error {
	n := p.transactions.Add(1)
	if p.passes("before a transaction", n); p.dead.Load() {
		return errDied
	}
	err := do()
	if p.passes("after a transaction", n); p.dead.Load() {
		return errDied
	}
	return err
}

// Intend notes what may be sent from now on.
func (p *process) Intend(ctx context.Context, g pipeline.Group) error {
	return p.transact(func() error {
		err := p.Store.Intend(ctx, g)
		if err == nil {
			p.books.intend(g, p.runs[len(p.runs)-1].seq)
		}
		return err
	})
}

// Commit records, unless the process is dead.
func (p *process) Commit(ctx context.Context, c pipeline.Commit) error {
	return p.transact(func() error {
		err := p.Store.Commit(ctx, c)
		if err == nil {
			p.books.decide(c, int64(len(p.portal.Writes())))
		}
		return err
	})
}

// Finish ends the run, unless the process is dead.
func (p *process) Finish(ctx context.Context, f pipeline.Finish) error {
	return p.transact(func() error { return p.Store.Finish(ctx, f) })
}

// run runs the pipeline once, as a process of its own.
func (c *campaign) run(t trouble) {
	c.write("people.csv", c.feed.csv())
	c.note("run over %s", strings.ReplaceAll(string(c.feed.csv()), "\n", " | "))
	for _, f := range t.faults {
		c.note("fault %+v", f)
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	p := &process{trouble: t, campaign: c, cancel: cancel}
	c.process.Store(p)
	c.runs = append(c.runs, pastRun{seq: int64(len(c.portal.Writes())), troubled: len(t.faults) > 0 || t.killed != "" || len(t.visits) > 0, keys: c.feed.keys()})
	c.snapshot()
	c.faults(t.faults...)
	report, err := c.runAs(ctx, "people", pipeline.Options{AllowMassChange: true}, func(d *pipeline.Definition, s state.Store) pipeline.Store {
		d.Sink = narrowed{d.Sink.(*Config), c.feed}
		p.Store = s
		return p
	})
	c.faults()
	c.process.Store(nil)
	c.note("the run ended with %v: %+v", err, report)
	switch {
	case p.dead.Load():
		return
	case err == nil:
		c.count("run ended well")
		c.runs[len(c.runs)-1].told = int64(len(c.portal.Writes()))
		if balance := report.Balance(); balance != nil {
			c.violate("I3: %v", balance)
		}
	case len(t.faults) == 0:
		c.violate("a run without faults ended with %v", err)
	case errors.Is(err, pipeline.ErrPaused):
		c.count("paused")
	default:
		c.count("run ended with an error")
	}
}

// narrowed opens the sink with small requests.
type narrowed struct {
	*Config
	feed *feed
}

func (n narrowed) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Sink, error) {
	s, err := n.Config.Open(ctx, env, in)
	if err == nil {
		s.(*Sink).limits.Rows, s.(*Sink).limits.Writes = n.feed.most, n.feed.writes
	}
	return s, err
}

var traces = regexp.MustCompile(`"objectWriteTraceId":"([^"]+)"`)

// ServeHTTP lets HubSpot answer a request of the process, and whoever is to do something do it before.
func (c *campaign) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := fnv.New64a()
	io.WriteString(h, r.URL.String())
	h.Write(body)
	time.Sleep(time.Millisecond + time.Duration(h.Sum64()%uint64(400*time.Millisecond))) // requests of the same time come in the same order each time
	p := c.process.Load()
	if p == nil || p.dead.Load() {
		panic(http.ErrAbortHandler)
	}
	n := p.requests.Add(1)
	links := int64(-1)
	if strings.Contains(r.URL.Path, "/associations/") {
		links = p.links.Add(1)
	}
	p.passes("before a request of links", links)
	if p.passes("before a request", n); p.dead.Load() {
		panic(http.ErrAbortHandler)
	}
	if slices.Contains(p.visits, n) {
		c.visit(c.dice())
		c.meddles()
	}
	c.note("request %d: %s %s %s", n, r.Method, r.URL, body)
	for _, m := range traces.FindAllSubmatch(body, -1) {
		if _, ok := c.books.key(string(m[1])); !ok {
			c.violate("I5: request %d has trace %s, which no intent has", n, m[1])
		}
	}
	c.world.ServeHTTP(rw, r)
	p.passes("after a request", n)
	p.passes("after a request of links", links)
}
