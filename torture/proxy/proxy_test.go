package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A ledger is a server that writes lines down and answers each with "done: line".
type ledger struct {
	mu    sync.Mutex
	lines []string
}

func (l *ledger) serve(listener net.Listener, wg *sync.WaitGroup) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer c.Close()
			for in := bufio.NewScanner(c); in.Scan(); {
				l.mu.Lock()
				l.lines = append(l.lines, in.Text())
				l.mu.Unlock()
				if _, err := fmt.Fprintf(c, "done: %s\n", in.Text()); err != nil {
					return
				}
			}
		})
	}
}

func (l *ledger) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, " ")
}

// between returns a ledger and a proxy before it.
func between(t *testing.T, network string) (*ledger, *Proxy) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Listen(network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l, wg := &ledger{}, &sync.WaitGroup{}
	wg.Go(func() { l.serve(listener, wg) })
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		listener.Close()
		wg.Wait()
	})
	return l, p
}

// A caller is a client of the ledger.
type caller struct {
	net.Conn
	in *bufio.Reader
}

func call(t *testing.T, p *Proxy) *caller {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &caller{c, bufio.NewReader(c)}
}

// say says a line and returns the answer.
func (c *caller) say(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := c.in.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func (c *caller) ok(t *testing.T, line string) {
	t.Helper()
	if got, err := c.say(line); err != nil || got != "done: "+line {
		t.Errorf("%s: answered %q, %v", line, got, err)
	}
}

// TestPassesOn proves that without faults nothing is changed, over both networks.
func TestPassesOn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		l, p := between(t, network)
		a, b := call(t, p), call(t, p)
		a.ok(t, "one")
		b.ok(t, "two")
		a.ok(t, strings.Repeat("x", 60_000))
		if got := len(l.text()); got != 60_008 {
			t.Errorf("%s: the server has %d bytes", network, got)
		}
	}
}

// TestEnds proves how clients see connections end, and that new ones work afterwards.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(*Proxy)
		want error
	}{
		"cut":   {(*Proxy).Cut, io.EOF},
		"reset": {(*Proxy).Reset, syscall.ECONNRESET},
	} {
		_, p := between(t, "tcp")
		c := call(t, p)
		c.ok(t, "one")
		test.do(p)
		if _, err := c.in.ReadByte(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		call(t, p).ok(t, "two")
	}
}

// TestRefuses proves that new connections get nowhere until the proxy is healed, while old ones go on.
func TestRefuses(t *testing.T) {
	l, p := between(t, "tcp")
	old := call(t, p)
	old.ok(t, "one")
	p.Refuse()
	if c, err := net.Dial("tcp", p.Addr()); err == nil { // the kernel may have accepted it already
		if got, err := (&caller{c, bufio.NewReader(c)}).say("no"); err == nil {
			t.Errorf("answered %q", got)
		}
		c.Close()
	}
	old.ok(t, "two")
	p.Heal()
	call(t, p).ok(t, "three")
	if got := l.text(); got != "one two three" {
		t.Errorf("the server has %q", got)
	}
}

// TestRules proves what the server has done, and what the client hears of it, for each act; and that a rule counts.
func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		rule Rule
		said []string
		want string // at the server
	}{
		"cut before":        {Rule{Pattern: []byte("commit"), Do: CutBefore}, []string{"begin", "commit"}, "begin"},
		"answer lost":       {Rule{Pattern: []byte("commit"), Do: LoseAnswer}, []string{"begin", "commit"}, "begin commit"},
		"after nothing":     {Rule{Since: []byte{}, Pattern: []byte("commit"), Do: CutBefore}, []string{"begin", "commit"}, "begin"},
		"the third":         {Rule{Pattern: []byte("commit"), Skip: 2, Do: CutBefore}, []string{"commit", "commit", "commit"}, "commit commit"},
		"of intents":        {Rule{Since: []byte("intent"), Pattern: []byte("commit"), Do: LoseAnswer}, []string{"commit", "commit", "intent", "commit"}, "commit commit intent commit"},
		"intents, the next": {Rule{Since: []byte("intent"), Pattern: []byte("commit"), Skip: 1, Do: CutBefore}, []string{"intent", "commit", "commit", "intent", "commit"}, "intent commit commit intent"},
	} {
		t.Run(name, func(t *testing.T) {
			l, p := between(t, "tcp")
			done := make(chan struct{})
			test.rule.Then = func() { close(done) }
			p.Add(test.rule)
			c := call(t, p)
			last := len(test.said) - 1
			for _, line := range test.said[:last] {
				c.ok(t, line)
			}
			if got, err := c.say(test.said[last]); err == nil {
				t.Errorf("answered %q", got)
			}
			<-done
			if got := l.text(); got != test.want || p.Pending() != 0 {
				t.Errorf("the server has %q, want %q; %d rules are left", got, test.want, p.Pending())
			}
			call(t, p).ok(t, "again")
		})
	}
}

// TestPatternInPieces proves that a pattern is seen once however it is cut up.
func TestPatternInPieces(t *testing.T) {
	const text = "commit in in commit commit in-commit"
	for size := 1; size <= len(text); size++ {
		p := &Proxy{}
		p.Add(Rule{Since: []byte("in"), Pattern: []byte("commit"), Skip: 1, Do: CutBefore})
		c := &conn{proxy: p}
		said := 0
		for piece := range slices.Chunk([]byte(text), size) {
			said += len(piece)
			if c.broken(piece, &fate{}) {
				break
			}
		}
		if want := (len(text) + size - 1) / size * size; said != min(want, len(text)) || p.Pending() != 0 {
			t.Errorf("pieces of %d: carried out after %d bytes, %d rules are left", size, said, p.Pending())
		}
	}
}

// TestHang proves that silence is silence, that other connections go on, and that healing ends it.
func TestHang(t *testing.T) {
	l, p := between(t, "tcp")
	hung := make(chan struct{})
	p.Add(Rule{Pattern: []byte("commit"), Do: Hang, Then: func() { close(hung) }})
	c, other := call(t, p), call(t, p)
	answer := make(chan error)
	go func() {
		_, err := c.say("commit")
		answer <- err
	}()
	<-hung
	other.ok(t, "other")
	select {
	case err := <-answer:
		t.Errorf("it hasn't hung: %v", err)
	default:
	}
	p.Set(Down, Weather{Mute: true})
	p.Heal()
	c.Close()
	if err := <-answer; err == nil {
		t.Error("the answer came after all")
	}
	if got := l.text(); !strings.Contains(got, "other") {
		t.Errorf("the server has %q", got)
	}
}

// TestWeather proves that delayed and dripping bytes arrive, later; and that muted ones don't.
func TestWeather(t *testing.T) {
	_, p := between(t, "tcp")
	for _, w := range []Weather{{Delay: 20 * time.Millisecond}, {Drip: 2 * time.Millisecond}} {
		p.Set(Up, w)
		began := time.Now()
		c := call(t, p)
		c.ok(t, "0123456789")
		if took := time.Since(began); took < 20*time.Millisecond {
			t.Errorf("%+v: only %v", w, took)
		}
	}
	p.Set(Up, Weather{})
	p.Set(Down, Weather{Mute: true})
	c := call(t, p)
	if err := c.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.say("into the dark"); err == nil {
		t.Errorf("answered %q", got)
	}
	p.Heal()
	call(t, p).ok(t, "light")
}

// TestCutAfter proves that exactly so many bytes arrive, in either way.
func TestCutAfter(t *testing.T) {
	_, p := between(t, "tcp")
	p.CutAfter(Down, 7)
	c := call(t, p)
	if _, err := io.WriteString(c, "line\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "done: l" {
		t.Errorf("got %q, %v", got, err)
	}
	call(t, p).ok(t, "next")
	before := p.Carried(Up)
	p.CutAfter(Up, 3)
	if got, err := call(t, p).say("longer"); err == nil {
		t.Errorf("answered %q", got)
	}
	if n := p.Carried(Up) - before; n != 3 {
		t.Errorf("%d bytes were passed on", n)
	}
}
