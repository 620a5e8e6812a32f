package proxy

import (
	"bytes"
	"fmt"
)

// An Act is what a Rule does.
type Act int

// The acts.
const (
	CutBefore  Act = iota + 1 // the connection is cut before the end of the pattern gets to the server: nothing is done
	LoseAnswer                // the server gets it; as soon as it answers, the connection is cut: it is done, and nobody knows
	Hang                      // the server gets it; it and all that comes after is answered by silence
)

// longest is how long a pattern may be.
const longest = 1 << 10

// A Rule breaks one connection, once, where the client says something for a certain time.
type Rule struct {
	Since   []byte // counts only if the client has said this before, on the same connection, after it last said Pattern; may be empty
	Pattern []byte // what the client says, such as a statement or the head of an HTTP request
	Skip    int    // so many times nothing happens
	Do      Act
	Then    func() // called, from another goroutine, when it has been done: the connection is cut, or hangs; may be nil
}

// Add adds a rule. It panics if a pattern is empty or too long, or there is no act.
func (p *Proxy) Add(r Rule) {
	if len(r.Pattern) == 0 || max(len(r.Pattern), len(r.Since)) > longest || r.Do < CutBefore || r.Do > Hang {
		panic(fmt.Sprintf("proxy: a rule needs an act and a pattern of at most %d bytes: %+v", longest, r))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &r)
}

// Pending returns how many rules have not been carried out yet.
func (p *Proxy) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rules)
}

// hit tells whether the rule is to be carried out: text is what the client has said of late, the first old bytes of which
// were looked at before.
func (r *Rule) hit(c *conn, text []byte, old int) bool {
	at := 0
	for {
		i := bytes.Index(text[at:], r.Pattern)
		until := len(text)
		if i >= 0 {
			until = at + i
		}
		r.notice(c, text[at:until], old-at)
		if i < 0 {
			return false
		}
		at += i + len(r.Pattern)
		if at <= old {
			continue
		}
		if len(r.Since) > 0 && !c.since[r] {
			continue
		}
		delete(c.since, r)
		if r.Skip--; r.Skip < 0 {
			return true
		}
	}
}

// notice remembers that Since has passed; the first old bytes of text were looked at before.
func (r *Rule) notice(c *conn, text []byte, old int) {
	for at := 0; len(r.Since) > 0; {
		i := bytes.Index(text[at:], r.Since)
		if i < 0 {
			return
		}
		at += i + len(r.Since)
		if at <= old {
			continue
		}
		if c.since == nil {
			c.since = map[*Rule]bool{}
		}
		c.since[r] = true
	}
}
