//go:build !race

package expression

// most is what one evaluation may allocate in all, and what one compilation may.
const most = 192 << 20
