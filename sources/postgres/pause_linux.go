package postgres

import "syscall"

// pauseMicros is long enough for several of the server's sends, and too short for it to fill a Unix socket (200 KiB), on
// which it would have to wait.
const pauseMicros = 500

// pause waits within a system call: to Go's scheduler the thread works on. With time.Sleep a pause costs what it saves,
// since each has other threads look for work, and a timer end it. A signal may end this one early.
func pause() {
	wait := syscall.NsecToTimespec(pauseMicros * 1000)
	_ = syscall.Nanosleep(&wait, nil)
}
