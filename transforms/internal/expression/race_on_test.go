//go:build race

package expression

// most is what one evaluation may allocate in all, and what one compilation may. With the race detector, pools give away
// part of what they hold, so that regular expressions allocate anew what they would use again.
const most = 4 << 30
