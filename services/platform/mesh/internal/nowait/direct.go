//go:build !race

package nowait

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func read(fd int, p []byte) (int, syscall.Errno)  { return direct(unix.SYS_READ, fd, p) }
func write(fd int, p []byte) (int, syscall.Errno) { return direct(unix.SYS_WRITE, fd, p) }

func direct(number uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}
