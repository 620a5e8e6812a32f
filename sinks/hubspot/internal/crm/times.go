package crm

import (
	"container/heap"
	"time"
)

// times is a heap of instants.
type times []time.Time

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i].Before(t[j]) }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push is heap.Interface's.
func (t *times) Push(x any) { *t = append(*t, x.(time.Time)) }

// Pop is heap.Interface's.
func (t *times) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

// shift puts all instants off.
func (t times) shift(by time.Duration) {
	for i := range t {
		t[i] = t[i].Add(by)
	}
}

// drop removes the instants up to now.
func (t *times) drop(now time.Time) {
	for len(*t) > 0 && !(*t)[0].After(now) {
		heap.Pop(t)
	}
}

// peaks is the largest of the numbers of a window: numbers that fall, each with its end.
type peaks []peak

type peak struct {
	n     int
	until time.Time
}

// most returns the largest number.
func (p peaks) most() int {
	if len(p) == 0 {
		return 0
	}
	return p[0].n
}

// add takes a number until some time after those of all others.
func (p *peaks) add(n int, until time.Time) {
	for len(*p) > 0 && (*p)[len(*p)-1].n <= n {
		*p = (*p)[:len(*p)-1]
	}
	if n > 0 {
		*p = append(*p, peak{n, until})
	}
}

// drop removes what ends up to now.
func (p *peaks) drop(now time.Time) {
	for len(*p) > 0 && !(*p)[0].until.After(now) {
		*p = (*p)[1:]
	}
}

// lower takes n from each number.
func (p *peaks) lower(n int) {
	for i := range *p {
		(*p)[i].n = max((*p)[i].n-n, 0)
	}
}
