//go:build !windows && (!unix || solaris || aix)

package state

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock that ends with its process, two processes could run one pipeline.
func lockFile(*os.File) error {
	return errors.New("the SQLite state needs file locks, which this operating system lacks; use Postgres")
}
