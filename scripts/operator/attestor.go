package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"redoubt.example/scripts/internal/unixhttp"
)

// attestor is the one that issues documents, over its socket.
type attestor struct{ socket string }

func (a attestor) key(ctx context.Context) ([]byte, error) {
	return call(ctx, a.socket, http.MethodGet, "/v1/key", nil)
}

func (a attestor) issue(subject, audience string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]string{"subject": subject, "audience": audience})
	if err != nil {
		return "", err
	}
	token, err := call(ctx, a.socket, http.MethodPost, "/v1/documents", body)
	return string(token), err
}

// withhold has a service get no documents until restore.
func (a attestor) withhold(service string) error { return a.order(http.MethodPut, service) }

func (a attestor) restore(service string) error { return a.order(http.MethodDelete, service) }

func (a attestor) order(method, service string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := call(ctx, a.socket, method, "/v1/withheld/"+url.PathEscape(service), nil)
	return err
}

func call(ctx context.Context, socket, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://socket"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := unixhttp.Client(socket).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, bytes.TrimSpace(text))
	}
	return text, err
}

// ownerIn tells who a server runs as: its volume was made for that user.
func ownerIn(runDir string) func(server string) (uid, gid int) {
	return func(server string) (int, int) {
		info, err := os.Lstat(filepath.Join(runDir, server))
		if err != nil {
			return 0, 0
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, 0
		}
		return int(stat.Uid), int(stat.Gid)
	}
}
