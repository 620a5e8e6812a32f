package hubspot

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"
)

// A logbook keeps log lines with their times.
type logbook struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

// Write adds a line.
func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	l.times = append(l.times, time.Now())
	return len(line), nil
}

// String returns all lines.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// silence returns the longest time without a line between two instants.
func (l *logbook) silence(from, to time.Time) (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := from
	for _, at := range append(l.times[:len(l.times):len(l.times)], to) {
		if at.Before(from) || at.After(to) {
			continue
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest
}

// wires are a network in memory, within a bubble.
type wires struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	refused bool
	most    int64 // bytes that the client may still send before its connection breaks; 0: any number
}

func newWires() *wires { return &wires{conns: make(chan net.Conn), closed: make(chan struct{})} }

// refuse makes the network refuse new connections, or take them again.
func (l *wires) refuse(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = on
}

// cutAfter breaks the connection that carries the client's n-th byte from now on.
func (l *wires) cutAfter(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = n
}

// A wire is the client's end of a connection.
type wire struct {
	net.Conn
	all *wires
}

// Write passes on bytes until the wires' bound.
func (w *wire) Write(data []byte) (int, error) {
	w.all.mu.Lock()
	most := w.all.most
	if most > 0 {
		w.all.most = max(0, most-int64(len(data)))
	}
	w.all.mu.Unlock()
	if most == 0 || int64(len(data)) < most {
		return w.Conn.Write(data)
	}
	n, _ := w.Conn.Write(data[:most])
	w.Close()
	return n, &net.OpError{Op: "write", Net: "pipe", Err: errors.New("connection reset by peer")}
}

func (l *wires) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	l.mu.Lock()
	refused := l.refused
	l.mu.Unlock()
	if refused {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return &wire{ours, l}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept returns the server's end of the next connection.
func (l *wires) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the network.
func (l *wires) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is nowhere.
func (l *wires) Addr() net.Addr { return &net.TCPAddr{} }
