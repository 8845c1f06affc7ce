//go:build race

package nowait

import (
	"errors"
	"syscall"
)

// With the race detector package syscall makes the calls: it tells the detector that what was done before a write is seen after the read of it.

func read(fd int, p []byte) (int, syscall.Errno)  { return told(syscall.Read(fd, p)) }
func write(fd int, p []byte) (int, syscall.Errno) { return told(syscall.Write(fd, p)) }

func told(n int, err error) (int, syscall.Errno) {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = syscall.EIO
	}
	return n, errno
}
