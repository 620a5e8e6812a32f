package proxy

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"time"
)

// A conn is one client's connection with the server.
type conn struct {
	proxy *Proxy
	ends  [2]net.Conn // the client's, the server's
	once  sync.Once
	over  chan struct{} // closed when it has ended

	// Below the proxy's mu.
	torn   bool // bytes have vanished
	losing *Rule
	tail   []byte         // the last bytes that went up, so that a pattern is found across pieces
	since  map[*Rule]bool // rules whose Since has passed
}

func (c *conn) close() {
	c.once.Do(func() {
		close(c.over)
		c.ends[0].Close()
		c.ends[1].Close()
	})
}

func (c *conn) reset() {
	c.once.Do(func() {
		close(c.over)
		reset(c.ends[0])
		reset(c.ends[1])
	})
}

// pump passes on what comes in one way.
func (c *conn) pump(way Way) {
	defer c.close()
	from, to := c.ends[way], c.ends[1-way]
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !c.pass(way, buf[:n], to) || err != nil {
			return
		}
	}
}

// A fate is what becomes of one piece.
type fate struct {
	Weather
	pass int  // so many bytes go on
	cut  bool // and then the connection is cut
	then func()
}

// pass passes a piece on as its fate is; false: the connection is to be cut.
func (c *conn) pass(way Way, data []byte, to net.Conn) bool {
	f := c.fate(way, data)
	if f.then != nil {
		defer f.then()
	}
	if f.Mute {
		return true
	}
	if !c.wait(f.Delay) {
		return false
	}
	step := f.pass
	if f.Drip > 0 {
		step = 1
	}
	for piece := range slices.Chunk(data[:f.pass], max(1, step)) {
		if !c.wait(f.Drip) {
			return false
		}
		if _, err := to.Write(piece); err != nil {
			return false
		}
	}
	if f.cut {
		c.close() // before then is called
	}
	return !f.cut
}

// wait waits; false: the connection has ended.
func (c *conn) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.over:
		return false
	}
}

func (c *conn) fate(way Way, data []byte) fate {
	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	f := fate{Weather: p.weather[way], pass: len(data)}
	if way == Down && c.losing != nil {
		c.torn, f.pass = true, 0
		f.Mute = c.losing.Do == Hang
		f.cut = !f.Mute
		if f.cut {
			f.then, c.losing.Then = c.losing.Then, nil
		}
		return f
	}
	if way == Up && c.broken(data, &f) {
		return f
	}
	if f.Mute {
		c.torn = true
		return f
	}
	if limit := p.limit[way]; limit != nil {
		if *limit <= int64(len(data)) {
			f.pass, f.cut, p.limit[way] = int(*limit), true, nil
		} else {
			*limit -= int64(len(data))
		}
	}
	p.carried[way] += int64(f.pass)
	return f
}

// broken tells whether a rule keeps a piece from the server; other rules only remember that it has passed.
func (c *conn) broken(data []byte, f *fate) bool {
	p := c.proxy
	if len(p.rules) == 0 {
		c.tail = nil
		return false
	}
	text := append(c.tail, data...)
	for i, r := range p.rules {
		if !r.hit(c, text, len(c.tail)) {
			continue
		}
		p.rules = slices.Delete(p.rules, i, i+1)
		if r.Do == CutBefore {
			f.pass, f.cut, f.then = 0, true, r.Then
			return true
		}
		c.losing = r
		if r.Do == Hang {
			f.then = r.Then
		}
		break
	}
	c.tail = bytes.Clone(text[max(0, len(text)-longest+1):])
	return false
}
