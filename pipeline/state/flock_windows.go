package state

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// lockFile locks the file until it is closed, or returns errLocked. The locked range lies behind the text in the file,
// which others may read.
func lockFile(file *os.File) error {
	const failImmediately, exclusive = 1, 2
	const violation = syscall.Errno(33)
	at := syscall.Overlapped{Offset: 1 << 30}
	ok, _, err := lockFileEx.Call(file.Fd(), failImmediately|exclusive, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, violation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return errLocked
	}
	return err
}
