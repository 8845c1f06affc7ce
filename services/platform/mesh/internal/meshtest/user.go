package meshtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// LetAll picks the first lock: the modes of a socket and of the folders that it lies in.
func LetAll(t testing.TB, socket string) {
	t.Helper()
	require.NoError(t, os.Chmod(socket, 0o666))
	for d := filepath.Dir(socket); d != "/"; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(d, info.Mode()|0o711))
	}
}

// ConnectAs connects from a thread that has another user's ID. The thread ends with its goroutine.
func ConnectAs(uid int, socket string, send []byte) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
				return errno
			}
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
				return err
			}
			_, _ = unix.Write(fd, send)
			_, _ = unix.Read(fd, make([]byte, 1)) // until it is closed
			return nil
		}()
	}()
	return <-done
}
