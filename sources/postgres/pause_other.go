//go:build !linux

package postgres

// pause does nothing where package syscall has no way to wait.
func pause() {}
