//go:build unix && !solaris && !aix

package state

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks the file until it is closed, or returns errLocked.
func lockFile(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errLocked
		}
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
