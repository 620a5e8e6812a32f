//go:build unix

package digest

import (
	"syscall"
	"unsafe"
)

// allocate returns n zero values and what gives them back. Where the system has no memory for them, the heap may.
func allocate[T any](n int) ([]T, func()) {
	b, err := syscall.Mmap(-1, 0, n*int(unsafe.Sizeof(*new(T))), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]T, n), func() {}
	}
	preferHuge(b)
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n), func() { _ = syscall.Munmap(b) } // fails only for what isn't mapped
}
