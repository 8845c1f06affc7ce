// Package tap reads what passes at a workload's unix socket, as whoever took over the workload could: with the
// workload's own user, while it goes on serving.
package tap

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// maxHeader is more than a request's header with its token takes.
const maxHeader = 8 << 10

var tokenLine = regexp.MustCompile(`(?i)\r\ntxn-token: (\S+)\r\n`)

// Tap sits in the place of a socket and keeps the last transaction token that passed as text (HTTP/1.1; gRPC compresses
// its headers). Safe for concurrent use.
type Tap struct {
	path, real string
	uid        int
	listener   net.Listener

	mu    sync.Mutex
	token string
	at    time.Time
}

// Open puts a tap at a socket. Its own socket and connections are the given user's: the other end serves nobody else.
// Connections that were there before don't pass it. Close it.
func Open(path string, uid int) (*Tap, error) {
	t := &Tap{path: path, real: path + ".real", uid: uid}
	if err := os.Rename(t.path, t.real); err != nil {
		return nil, err
	}
	var err error
	as(uid, func() { t.listener, err = net.Listen("unix", path) })
	if err == nil {
		t.listener.(*net.UnixListener).SetUnlinkOnClose(false)
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	go t.run()
	return t, nil
}

// Close puts the real socket back. Connections that pass the tap go on.
func (t *Tap) Close() error {
	if t.listener != nil {
		_ = t.listener.Close()
	}
	if err := os.Rename(t.real, t.path); !errors.Is(err, fs.ErrNotExist) { // gone with its workload
		return err
	}
	return nil
}

// Token is the last one that passed, and when it did first; "" before any.
func (t *Tap) Token() (token string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token, t.at
}

func (t *Tap) run() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			return
		}
		go t.pass(c)
	}
}

func (t *Tap) pass(c net.Conn) {
	defer c.Close()
	var up net.Conn
	var err error
	as(t.uid, func() {
		if up, err = net.Dial("unix", t.real); err != nil {
			up, err = net.Dial("unix", t.path) // it was put back meanwhile
		}
	})
	if err != nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(c, up); _ = c.Close() }()
	var seen, chunk []byte = nil, make([]byte, 32<<10)
	for {
		n, err := c.Read(chunk)
		if seen = append(seen, chunk[:n]...); len(seen) > maxHeader {
			seen = seen[len(seen)-maxHeader:]
		}
		if all := tokenLine.FindAllSubmatch(seen, -1); all != nil {
			t.keep(string(all[len(all)-1][1]))
		}
		if _, werr := up.Write(chunk[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (t *Tap) keep(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if token != t.token {
		t.token, t.at = token, time.Now()
	}
}

// as does something as another user, and as the group of the same number, which is each workload's: on a thread of its own,
// which ends with it.
func as(uid int, do func()) {
	if uid == os.Geteuid() || uid == 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		for _, call := range []uintptr{syscall.SYS_SETRESGID, syscall.SYS_SETRESUID} {
			if _, _, errno := syscall.RawSyscall(call, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
				panic(errno)
			}
		}
		do()
	}()
	<-done
}
