//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package main

// forbidCore does nothing: here is no limit to set.
func forbidCore() {}
