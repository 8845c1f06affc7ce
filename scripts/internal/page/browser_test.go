package page_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chromium is a browser without a window, driven by the DevTools protocol over a pipe: no port, and nothing else to depend on.
type chromium struct {
	t       *testing.T
	to      *os.File
	from    *bufio.Reader
	session string
	last    int
	said    []string // what it complained of
}

func newChromium(t *testing.T) *chromium {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium on PATH: apt-get install chromium")
	}
	theirIn, ourOut, err := os.Pipe()
	require.NoError(t, err)
	ourIn, theirOut, err := os.Pipe()
	require.NoError(t, err)
	profile, err := os.MkdirTemp("", "redoubt-page-")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}        // its files 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children, who write into the profile
	require.NoError(t, cmd.Start())
	require.NoError(t, theirIn.Close())
	require.NoError(t, theirOut.Close())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		cancel()
		require.Eventually(t, func() bool { return os.RemoveAll(profile) == nil }, 5*time.Second, 20*time.Millisecond)
		_, _ = ourOut.Close(), ourIn.Close()
	})
	c := &chromium{t: t, to: ourOut, from: bufio.NewReader(ourIn)}
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (c *chromium) call(method string, params any, into any) {
	c.t.Helper()
	c.last++
	ask := map[string]any{"id": c.last, "method": method, "params": params}
	if params == nil {
		ask["params"] = map[string]any{}
	}
	if c.session != "" {
		ask["sessionId"] = c.session
	}
	text, err := json.Marshal(ask)
	require.NoError(c.t, err)
	_, err = c.to.Write(append(text, 0))
	require.NoError(c.t, err)
	for {
		raw, err := c.from.ReadBytes(0)
		require.NoError(c.t, err)
		var m message
		require.NoError(c.t, json.Unmarshal(bytes.TrimSuffix(raw, []byte{0}), &m))
		switch {
		case m.ID == c.last:
			require.Empty(c.t, string(m.Error), method)
			if into != nil {
				require.NoError(c.t, json.Unmarshal(m.Result, into))
			}
			return
		case m.Method == "Runtime.exceptionThrown", m.Method == "Runtime.consoleAPICalled", m.Method == "Log.entryAdded":
			c.said = append(c.said, string(m.Params))
		}
	}
}

// eval returns the value of an expression, awaited.
func (c *chromium) eval(expression string, into any) {
	c.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	require.Empty(c.t, string(r.ExceptionDetails), expression)
	if into != nil {
		require.NoError(c.t, json.Unmarshal(r.Result.Value, into), expression)
	}
}

// wait is for an expression to come true.
func (c *chromium) wait(expression string) {
	c.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var is bool
		c.eval("Boolean("+expression+")", &is)
		if is {
			return
		}
		if time.Now().After(until) {
			var text string
			c.eval("document.body.innerText", &text)
			require.Fail(c.t, "it never comes true", "%s\n%s\n%v", expression, text, c.said)
		}
	}
}

func (c *chromium) open(url string) {
	c.t.Helper()
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	c.wait(fmt.Sprintf("document.readyState === 'complete' && location.href.startsWith(%q)", url))
}

// window makes it so wide, and dark or light.
func (c *chromium) window(width int, scheme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shoot keeps a picture of the whole page where REDOUBT_TEST_SCREENSHOTS says, for people to look at.
func (c *chromium) shoot(name string) {
	folder := os.Getenv("REDOUBT_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(filepath.Join(folder, name+".png"), raw, 0o600))
}
