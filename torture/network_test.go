package torture

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"sluice/torture/proxy"
)

// A break is what goes wrong with the network of one run.
type breakage struct {
	seed uint64
	name string
	do   func(r *rand.Rand, state, hubspot *proxy.Proxy, hit func())
}

// String names the breakage as subtests do.
func (b breakage) String() string { return fmt.Sprintf("%s/%d", b.name, b.seed) }

// What is said to a database at the end of the transactions that matter.
const (
	intends  = "insert into sluice.intent_group"
	outcomes = "insert into sluice.ledger"
	commits  = "commit\x00\x00\x00B" // parsed, and bound next: not only described
)

// rule adds a rule to a proxy, for one of the first times that something is said.
func rule(p *proxy.Proxy, r *rand.Rand, most int, since, pattern string, do proxy.Act, hit func()) {
	p.Add(proxy.Rule{Since: []byte(since), Pattern: []byte(pattern), Skip: r.IntN(most), Do: do, Then: hit})
}

// breakages are the ways in which networks break, those first that have no equal.
var breakages = []breakage{
	{name: "unknown COMMIT of intents, applied", do: func(r *rand.Rand, state, _ *proxy.Proxy, hit func()) {
		rule(state, r, 3, intends, commits, proxy.LoseAnswer, hit)
	}},
	{name: "unknown COMMIT of intents, not applied", do: func(r *rand.Rand, state, _ *proxy.Proxy, hit func()) {
		rule(state, r, 3, intends, commits, proxy.CutBefore, hit)
	}},
	{name: "unknown COMMIT of outcomes, applied", do: func(r *rand.Rand, state, _ *proxy.Proxy, hit func()) {
		rule(state, r, 3, outcomes, commits, proxy.LoseAnswer, hit)
	}},
	{name: "unknown COMMIT of outcomes, not applied", do: func(r *rand.Rand, state, _ *proxy.Proxy, hit func()) {
		rule(state, r, 3, outcomes, commits, proxy.CutBefore, hit)
	}},
	{name: "HubSpot's answer lost", do: func(r *rand.Rand, _, hubspot *proxy.Proxy, hit func()) {
		rule(hubspot, r, 4, "", "/batch/"+[...]string{"upsert", "create", "update"}[r.IntN(2)], proxy.LoseAnswer, hit)
	}},
	{name: "request cut off", do: func(r *rand.Rand, _, hubspot *proxy.Proxy, hit func()) {
		rule(hubspot, r, 4, "", "objectWriteTraceId", proxy.CutBefore, hit)
	}},
	{name: "silence from HubSpot", do: func(r *rand.Rand, _, hubspot *proxy.Proxy, hit func()) {
		rule(hubspot, r, 4, "", "/batch/upsert", proxy.Hang, hit)
	}},
	{name: "HubSpot cut after bytes", do: func(r *rand.Rand, _, hubspot *proxy.Proxy, hit func()) {
		hubspot.CutAfter(proxy.Way(r.IntN(2)), 1+r.Int64N(40_000))
		hit()
	}},
	{name: "state cut after bytes", do: func(r *rand.Rand, state, _ *proxy.Proxy, hit func()) {
		state.CutAfter(proxy.Way(r.IntN(2)), 1+r.Int64N(60_000))
		hit()
	}},
	{name: "all connections reset", do: func(r *rand.Rand, state, hubspot *proxy.Proxy, hit func()) {
		rule(hubspot, r, 6, "", "POST ", proxy.LoseAnswer, func() {
			state.Reset()
			hubspot.Reset()
			hit()
		})
	}},
	{name: "slow lines", do: func(r *rand.Rand, state, hubspot *proxy.Proxy, hit func()) {
		state.Set(proxy.Down, proxy.Weather{Delay: time.Duration(r.IntN(3)) * time.Millisecond})
		hubspot.Set(proxy.Down, proxy.Weather{Delay: time.Duration(r.IntN(40)) * time.Millisecond})
		hit()
	}},
}

// TestNetwork proves that whatever is cut, lost or silent between a run and its state, or between it and HubSpot, the end is
// that of a clean run; in particular that an unknown COMMIT is looked up.
func TestNetwork(t *testing.T) {
	n := sized(len(breakages), 60, 500)
	list := make([]breakage, n)
	for i := range list {
		list[i] = breakages[i%len(breakages)]
		list[i].seed = uint64(i)
	}
	layer(t, "network between a run, its state and HubSpot", list, 500, func(t *testing.T, b breakage) {
		s := newStage(t, setups["postgres"])
		if s.cut = true; b.seed%4 == 3 {
			s.makePlan()
		}
		state, through := s.beforeState()
		hubspot := s.before("tcp", mustURL(t, s.url).Host)
		b.do(rand.New(rand.NewPCG(*seed, b.seed)), state, hubspot, func() { programme.count(b.name) })
		r := s.start(launch{env: []string{"SLUICE_STATE_URL=" + through, "HUBSPOT_BASE_URL=http://" + hubspot.Addr()}}).wait()
		state.Heal()
		hubspot.Heal()
		if r.code == exitKilled || r.code == exitHeld {
			t.Errorf("%v\n%s", &r, s.story())
		}
		s.ended(&r)
		s.settle()
	})
}

// before returns a proxy of a server.
func (s *stage) before(network, target string) *proxy.Proxy {
	s.t.Helper()
	p, err := proxy.Listen(network, target)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return p
}

// beforeState returns a proxy of the state's database and the URL that leads through it. Every statement is sent as text,
// so that the proxy can tell them apart.
func (s *stage) beforeState() (*proxy.Proxy, string) {
	s.t.Helper()
	u := mustURL(s.t, s.stateURL)
	query := u.Query()
	host, port := query.Get("host"), query.Get("port")
	network, target := "tcp", host+":"+port
	if host[0] == '/' {
		network, target = "unix", host+"/.s.PGSQL."+port
	}
	p := s.before(network, target)
	at := mustURL(s.t, "http://"+p.Addr())
	query.Set("host", at.Hostname())
	query.Set("port", at.Port())
	query.Set("default_query_exec_mode", "cache_describe")
	u.RawQuery = query.Encode()
	return p, u.String()
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
