// Package browser drives a chromium without a window, by the DevTools protocol over a pipe: no port, and nothing else to depend on.
// Tests look at pages with it, and attacks on the lab's page need somebody who looks at it.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrNone says that there is no browser here.
var ErrNone = errors.New("no chromium on PATH: apt-get install chromium")

// Find returns the browser's path, or ErrNone.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", ErrNone
}

// Browser is one, with a tab. It is for one goroutine.
type Browser struct {
	// Said is what the page complained of: exceptions, the console, what the browser refused.
	Said []string

	cmd     *exec.Cmd
	profile string
	to      *os.File
	from    *bufio.Reader
	ours    *os.File
	session string
	last    int
}

// Start starts one with a profile of its own. It ends with ctx, or by Close.
func Start(ctx context.Context) (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), ourOut.Close())
	}
	profile, err := os.MkdirTemp("", "redoubt-browser-")
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), ourOut.Close(), ourIn.Close(), theirOut.Close())
	}
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // it asks nobody outside this machine
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}        // its files 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children, who write into the profile
	b := &Browser{cmd: cmd, profile: profile, to: ourOut, ours: ourIn, from: bufio.NewReader(ourIn)}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Start()
	err = errors.Join(err, theirIn.Close(), theirOut.Close())
	if err == nil {
		err = b.attach()
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Browser) attach() error {
	var target struct{ TargetID string }
	if err := b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		if err := b.Call(domain+".enable", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// removedWithin is how long children that were killed may go on writing into the profile.
const removedWithin = 5 * time.Second

// Close ends it, and takes its profile away.
func (b *Browser) Close() error {
	if b.cmd.Process != nil {
		_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
		_ = b.cmd.Wait() // it was killed
	}
	_, _ = b.to.Close(), b.ours.Close()
	err := os.RemoveAll(b.profile)
	for until := time.Now().Add(removedWithin); err != nil && time.Now().Before(until); err = os.RemoveAll(b.profile) {
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// Call calls a method of the DevTools protocol; params and into may be nil.
func (b *Browser) Call(method string, params map[string]any, into any) error {
	b.last++
	if params == nil {
		params = map[string]any{}
	}
	ask := map[string]any{"id": b.last, "method": method, "params": params}
	if b.session != "" {
		ask["sessionId"] = b.session
	}
	text, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return fmt.Errorf("the browser is gone: %w", err)
	}
	for {
		raw, err := b.from.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("the browser is gone: %w", err)
		}
		var m message
		if err := json.Unmarshal(bytes.TrimSuffix(raw, []byte{0}), &m); err != nil {
			return err
		}
		switch {
		case m.ID == b.last && len(m.Error) > 0:
			return failed(method, m.Error)
		case m.ID == b.last && into != nil:
			return json.Unmarshal(m.Result, into)
		case m.ID == b.last:
			return nil
		case m.Method == "Runtime.exceptionThrown", m.Method == "Runtime.consoleAPICalled", m.Method == "Log.entryAdded":
			b.Said = append(b.Said, string(m.Params))
		}
	}
}

// Eval puts the value of an expression, awaited, into something; nil: nowhere.
func (b *Browser) Eval(expression string, into any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	if err := b.Call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r); err != nil {
		return err
	}
	if len(r.ExceptionDetails) > 0 {
		return fmt.Errorf("%s: %s", expression, r.ExceptionDetails)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, into)
}

// errElsewhere: the page in which something was to be evaluated gave way to another meanwhile.
var errElsewhere = errors.New("the page is another by now")

// failed is the error that the browser answers with. For a page that went away it has no other sign than the code of all server errors
// and one of these messages (Chromium's InspectorSession and V8RuntimeAgentImpl).
func failed(method string, answer json.RawMessage) error {
	var said struct{ Message string }
	if json.Unmarshal(answer, &said) == nil {
		for _, gone := range []string{"Inspected target navigated or closed", "Execution context was destroyed", "Cannot find default execution context"} {
			if strings.HasPrefix(said.Message, gone) {
				return fmt.Errorf("%s: %w: %s", method, errElsewhere, answer)
			}
		}
	}
	return fmt.Errorf("%s: %s", method, answer)
}

// Wait is for an expression to come true, in whatever page is there by then.
func (b *Browser) Wait(ctx context.Context, expression string) error {
	for {
		is := false
		if err := b.Eval("Boolean("+expression+")", &is); is || err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			text := ""
			_ = b.Eval("document.body?.innerText ?? ''", &text) // for the message alone
			return fmt.Errorf("it never comes true: %s\n%s\n%v", expression, text, b.Said)
		}
	}
}

// Open goes to an address, and waits until what is there, or where that leads, is loaded.
func (b *Browser) Open(ctx context.Context, url string) error {
	if err := b.Call("Page.navigate", map[string]any{"url": url}, nil); err != nil {
		return err
	}
	return b.Wait(ctx, fmt.Sprintf("document.readyState === 'complete' && location.href.startsWith(%q)", url))
}

// Window makes it so wide, and "dark" or "light".
func (b *Browser) Window(width int, scheme string) error {
	return errors.Join(
		b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil),
		b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil))
}

// Shot is a picture of the whole page, as PNG.
func (b *Browser) Shot() ([]byte, error) {
	var shot struct{ Data string }
	if err := b.Call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}
