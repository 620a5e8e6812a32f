//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import "syscall"

// forbidCore keeps the operating system from writing this process's memory, with tokens and rows in it, to a file when it
// crashes. Where that is refused, nothing is lost but the precaution.
func forbidCore() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
