package containers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"redoubt.example/scripts/internal/unixhttp"
)

// Follow writes what a container logs until ctx ends, restarts included. Both of its streams go to out, line by line as
// the engine has them.
func Follow(ctx context.Context, id string, out io.Writer) error {
	client := engine()
	for since := "0"; ; {
		err := follow(ctx, client, id, since, out)
		switch {
		case ctx.Err() != nil, errors.Is(err, errGone):
			return nil
		case !errors.Is(err, io.EOF):
			return err
		}
		now := time.Now() // it has stopped, and what it logs next comes after a new start
		since = fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond())
		if err := running(ctx, client, id); ctx.Err() != nil || errors.Is(err, errGone) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// engine speaks to the engine's socket, which DOCKER_HOST names where it isn't the usual one.
func engine() *http.Client {
	socket := "/var/run/docker.sock"
	if path, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://"); ok {
		socket = path
	}
	return unixhttp.Client(socket)
}

var errGone = errors.New("the container is gone")

func ask(ctx context.Context, client *http.Client, method, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://engine/v1.41"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusNotFound {
		res.Body.Close()
		return nil, errGone
	}
	if res.StatusCode >= 300 {
		res.Body.Close()
		return nil, fmt.Errorf("the engine answers %s", res.Status)
	}
	return res.Body, nil
}

// follow copies one stream of logs to its end: the container's.
func follow(ctx context.Context, client *http.Client, id, since string, out io.Writer) error {
	body, err := ask(ctx, client, http.MethodGet, "/containers/"+id+"/logs?follow=1&stdout=1&stderr=1&since="+since)
	if err != nil {
		return err
	}
	defer body.Close()
	for { // frames: a byte that names the stream, three of nothing, the length, the text
		var head [8]byte
		if _, err := io.ReadFull(body, head[:]); err != nil {
			return err
		}
		if _, err := io.CopyN(out, body, int64(binary.BigEndian.Uint32(head[4:]))); err != nil {
			return err
		}
	}
}

// running waits until a container runs again.
func running(ctx context.Context, client *http.Client, id string) error {
	for {
		text, err := ask(ctx, client, http.MethodGet, "/containers/"+id+"/json")
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(io.LimitReader(text, 1<<20))
		text.Close()
		if err != nil || strings.Contains(string(raw), `"Running":true`) {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
