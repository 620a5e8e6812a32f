package digest

import "syscall"

// hugePage is the size of a large page on most machines. What is smaller isn't worth one.
const hugePage = 2 << 20

// preferHuge has the system use large pages for b, if it may: places in a table are at random, and with small pages nearly
// each of them is one that the processor has to look up where it lies.
func preferHuge(b []byte) {
	if len(b) >= hugePage {
		_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // a wish
	}
}
