// Package proxy is a TCP proxy for tests. It breaks what passes through it in chosen ways at chosen moments, such as after
// a server has carried out a request and before its client hears of it.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Way is a direction of bytes.
type Way int

// The ways.
const (
	Up   Way = iota // from the client to the server
	Down            // from the server to the client
)

// A Weather is what happens to all bytes of one way. The zero Weather is a network without faults.
type Weather struct {
	Mute  bool          // bytes vanish without a word; Heal cuts the connections that have lost some
	Delay time.Duration // before each piece
	Drip  time.Duration // before each byte
}

// A Proxy passes connections on to one server. Its methods may be called concurrently.
type Proxy struct {
	network, target string
	listener        net.Listener
	wg              sync.WaitGroup

	mu      sync.Mutex
	refuse  bool
	weather [2]Weather
	limit   [2]*int64 // bytes until the connection that carries the last of them is cut; nil: none
	rules   []*Rule
	conns   map[*conn]struct{}
	closed  bool
	carried [2]int64
}

// Listen starts a proxy of the server at a target, on a free port of the loopback address. The network is "tcp" or "unix".
// Close it.
func Listen(network, target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy of %s: %w", target, err)
	}
	p := &Proxy{network: network, target: target, listener: listener, conns: map[*conn]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr returns host:port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close cuts all connections and waits until nothing of the proxy runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Cut closes all connections that there are, on both sides.
func (p *Proxy) Cut() { p.end((*conn).close) }

// Reset ends all connections that there are so that both sides see them reset by their peer.
func (p *Proxy) Reset() { p.end((*conn).reset) }

func (p *Proxy) end(how func(*conn)) {
	p.mu.Lock()
	list := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		list = append(list, c)
	}
	p.mu.Unlock()
	for _, c := range list {
		how(c)
	}
}

// Refuse resets every new connection at once, until Heal. Those that there are go on.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
}

// Set changes what happens to bytes of one way from now on, on all connections.
func (p *Proxy) Set(way Way, w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather[way] = w
}

// CutAfter cuts, once, the connection that carries the n-th byte from now on of one way: that byte is passed on, what comes
// behind it isn't.
func (p *Proxy) CutAfter(way Way, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit[way] = &n
}

// Heal takes back all that Refuse, Set, CutAfter and Add have asked for, and cuts the connections that have lost bytes.
func (p *Proxy) Heal() {
	p.mu.Lock()
	p.refuse, p.weather, p.limit, p.rules = false, [2]Weather{}, [2]*int64{}, nil
	var torn []*conn
	for c := range p.conns {
		if c.torn {
			torn = append(torn, c)
		}
	}
	p.mu.Unlock()
	for _, c := range torn {
		c.close()
	}
}

// Carried returns how many bytes have been passed on in one way.
func (p *Proxy) Carried(way Way) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.carried[way]
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.carry(client.(*net.TCPConn)) })
	}
}

// carry connects a client with the server until one of them, or the proxy, ends it.
func (p *Proxy) carry(client *net.TCPConn) {
	if p.refusing() {
		reset(client)
		return
	}
	server, err := net.Dial(p.network, p.target)
	if err != nil {
		reset(client)
		return
	}
	c := &conn{proxy: p, ends: [2]net.Conn{client, server}, over: make(chan struct{})}
	p.mu.Lock()
	late := p.closed
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	if late {
		c.close()
	}
	var both sync.WaitGroup
	both.Go(func() { c.pump(Up) })
	both.Go(func() { c.pump(Down) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *Proxy) refusing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refuse || p.closed
}

// reset closes a connection so that its peer sees it reset, where the network knows of such a thing.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what can't be reset is closed
	}
	c.Close()
}
