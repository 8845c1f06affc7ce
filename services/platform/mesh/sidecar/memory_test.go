package main_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/mesh"
)

// Two programs with 2,000 connections between them stay below 100 MB each, idle and with a request on every one.
func TestMemoryOfManyConnections(t *testing.T) {
	const connections, most = 2000, 100_000_000
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)) // Go raises it to the hard limit by itself
	const files = 5 * connections                                        // a sidecar has the peer's, and the app's with the one or two that wake it; some for itself
	if limit.Cur < files {
		t.Skipf("%d open files are allowed and %d are needed: ulimit -n", limit.Cur, files)
	}
	env := controlplanetest.Start(t)
	binary := build(t)
	callee, calleeDir, _ := launch(t, env, binary, "payments")
	serve(t, calleeDir)
	caller, callerDir, _ := launch(t, env, binary, "ingestion")
	socket := filepath.Join(callerDir, "up-payments.sock")
	require.Eventually(t, func() bool {
		c, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		defer c.Close()
		return ask(c) == nil
	}, 30*time.Second, 50*time.Millisecond)

	conns := make([]net.Conn, connections)
	every(t, 20, conns, func(c *net.Conn) (err error) {
		if *c, err = net.Dial("unix", socket); err != nil {
			return err
		}
		return ask(*c)
	})
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range 3 {
		every(t, connections, conns, func(c *net.Conn) error { return ask(*c) })
	}
	for name, cmd := range map[string]*exec.Cmd{"caller": caller, "callee": callee} {
		now, peak := memory(t, cmd, "VmRSS"), memory(t, cmd, "VmHWM")
		t.Logf("%s: %.1f MB resident with %d connections, %.1f MB at most", name, float64(now)/1e6, connections, float64(peak)/1e6)
		require.Less(t, now, most, name)
	}
}

// every does something with each connection, so many at a time.
func every(t *testing.T, atOnce int, conns []net.Conn, do func(*net.Conn) error) {
	t.Helper()
	errs := make([]error, atOnce)
	var working sync.WaitGroup
	for k := range atOnce {
		working.Go(func() {
			for i := k; i < len(conns); i += atOnce {
				errs[k] = errors.Join(errs[k], do(&conns[i]))
			}
		})
	}
	working.Wait()
	require.NoError(t, errors.Join(errs...))
}

// ask sends a request's worth of bytes, and waits for as many.
func ask(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(make([]byte, 1000)); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1000))
	return err
}

// serve is the callee's app: it sends back what it gets, and says that it is ready.
func serve(t *testing.T, dir string) {
	t.Helper()
	m, err := mesh.Open(t.Context(), mesh.Config{Workload: "payments", RunDir: dir, Mode: "sidecar"})
	require.NoError(t, err)
	ln, err := m.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(struct{ io.Writer }{c}, c)
			}()
		}
	}()
	at, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	require.NoError(t, err)
	admin := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })}
	go admin.Serve(at)
	t.Cleanup(func() { admin.Close() })
}
