package pipeline_test

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A schedule makes of a seed how long everything takes and what goes wrong. Nothing is drawn from a generator that all
// share, since the order of drawing would be the scheduler's: every draw is a function of the seed, of what it is for,
// and of how often that came before. As no two things take equally long, to the nanosecond, virtual time alone decides
// what comes first, and a seed replays exactly.
type schedule struct {
	seed  uint64
	began time.Time

	mu     sync.Mutex
	counts map[string]uint64
	log    *strings.Builder // nil if nobody reads it
}

func newSchedule(seed uint64) *schedule {
	return &schedule{seed: seed, began: time.Now(), counts: map[string]uint64{}}
}

// dice are the draws of one event.
type dice struct{ state uint64 }

// dice returns the draws for what.
func (s *schedule) dice(what string) *dice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.counts[what]
	s.counts[what] = n + 1
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	d := &dice{s.seed*0x9e3779b97f4a7c15 ^ h}
	d.draw()
	d.state += n * 0xd1342543de82ef95
	return d
}

// draw is SplitMix64.
func (d *dice) draw() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n returns a number below limit.
func (d *dice) n(limit int) int { return int(d.draw() % uint64(limit)) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return float64(d.draw()>>11)/(1<<53) < p }

// between returns a time of that range.
func (d *dice) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.draw()%uint64(high-low))
}

// wide returns a time of that range in which every order of magnitude is as likely as another.
func (d *dice) wide(low, high time.Duration) time.Duration {
	for high > 10*low {
		if d.chance(0.5) {
			high /= 10
		} else {
			low *= 10
		}
	}
	return d.between(low, high)
}

// pick returns one of the list.
func pick[T any](d *dice, list ...T) T { return list[d.n(len(list))] }

// note writes an event into the log, with its time.
func (s *schedule) note(format string, args ...any) {
	if s.log == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.log, "%14v ", s.now())
	fmt.Fprintf(s.log, format+"\n", args...)
}

// now returns the virtual time since the seed began.
func (s *schedule) now() time.Duration { return time.Since(s.began) }
