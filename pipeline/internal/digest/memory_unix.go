//go:build unix

package digest

import (
	"syscall"
	"unsafe"
)

// allocate returns n empty slots and what gives them back. Where the system has no memory for them, the heap may.
func allocate(n int) ([]slot, func()) {
	b, err := syscall.Mmap(-1, 0, n*int(unsafe.Sizeof(slot{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]slot, n), func() {}
	}
	preferHuge(b)
	return unsafe.Slice((*slot)(unsafe.Pointer(&b[0])), n), func() { _ = syscall.Munmap(b) } // fails only for what isn't mapped
}
