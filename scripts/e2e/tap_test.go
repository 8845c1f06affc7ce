package e2e_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tap sits between a service and its way to an upstream, and keeps the transaction tokens that pass: what somebody
// who has taken over either end sees.
type tap struct {
	path, real string
	uid        int // the workload's: a sidecar serves nobody else
	listener   net.Listener

	mu    sync.Mutex
	token string
	at    time.Time
}

var tokenLine = regexp.MustCompile(`(?i)\r\ntxn-token: (\S+)\r\n`)

func (l *lab) tap(t testing.TB, service, upstream string) *tap {
	t.Helper()
	path := filepath.Join(l.runDir(t), service, "up-"+upstream+".sock")
	info, err := os.Stat(path)
	require.NoError(t, err)
	p := &tap{path: path, real: path + ".real"}
	require.NoError(t, os.Rename(path, p.real))
	p.uid = int(info.Sys().(*syscall.Stat_t).Uid)
	as(p.uid, func() { p.listener, err = net.Listen("unix", path) })
	require.NoError(t, err)
	p.listener.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, os.Chmod(path, 0o600))
	go p.run()
	t.Cleanup(func() {
		_ = p.listener.Close()
		if err := os.Rename(p.real, path); !errors.Is(err, os.ErrNotExist) {
			require.NoError(t, err)
		}
	})
	return p
}

// as does something as another user: on a thread of its own, which ends with it.
func as(uid int, do func()) {
	if uid == os.Geteuid() {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			panic(errno)
		}
		do()
	}()
	<-done
}

func (p *tap) run() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.pass(c)
	}
}

func (p *tap) pass(c net.Conn) {
	defer c.Close()
	var up net.Conn
	var err error
	as(p.uid, func() { up, err = net.Dial("unix", p.real) })
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
			p.mu.Lock()
			if token := string(all[len(all)-1][1]); token != p.token {
				p.token, p.at = token, time.Now()
			}
			p.mu.Unlock()
		}
		if _, werr := up.Write(chunk[:n]); err != nil || werr != nil {
			return
		}
	}
}

// maxHeader is more than a request's header with its token takes.
const maxHeader = 8 << 10

// fresh has traffic made until a token passes, and returns one with most of its 15 seconds left.
func (p *tap) fresh(t testing.TB, traffic func()) string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		p.mu.Lock()
		token, age := p.token, time.Since(p.at)
		p.mu.Unlock()
		if token != "" && age < 5*time.Second {
			return token
		}
		require.True(t, time.Now().Before(deadline), "no token passed")
		traffic()
	}
}
