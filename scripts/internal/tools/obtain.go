package tools

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/releases"

	"redoubt.example/scripts/internal/filelock"
	"redoubt.example/scripts/internal/term"
)

// Obtain returns the path of a tool: found, else downloaded, else built from the repository's pinned sources.
func (c Cache) Obtain(ctx context.Context, repo string, t Tool, progress *term.Progress) (string, error) {
	if found, err := c.Find(ctx, t); err == nil {
		return found.Path, nil
	}
	folder, err := c.tools()
	if err != nil {
		return "", err
	}
	task := progress.Task(t.Name, "obtaining it")
	lock, err := filelock.Wait(ctx, filepath.Join(folder, "."+t.Name+".lock"), func() {
		task.Say("another lab is obtaining it, waiting")
	})
	if err != nil {
		task.End("")
		return "", fmt.Errorf("obtain %s: %w", t.Name, err)
	}
	defer lock.Close()
	if found, err := c.Find(ctx, t); err == nil { // by now
		task.End("obtained by another lab")
		return found.Path, nil
	}
	path, how, err := c.make(ctx, folder, repo, t, task)
	if err != nil {
		task.End("")
		return "", fmt.Errorf("obtain %s %s: %w", t.Name, t.Pinned, err)
	}
	task.End("%s", how)
	return path, nil
}

// make puts the tool together in a scratch folder beside its place and moves it there whole: an interrupted
// download or build leaves no half program.
func (c Cache) make(ctx context.Context, folder, repo string, t Tool, task *term.Task) (path, how string, err error) {
	scratch, err := os.MkdirTemp(folder, "."+t.Name+"-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(scratch)
	began := time.Now()
	task.Say("downloading release %s", t.Pinned)
	binary, offline := download(ctx, t, scratch)
	how = fmt.Sprintf("downloaded release %s, checksum verified, in %s", t.Pinned, term.Seconds(time.Since(began)))
	if offline != nil {
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
		task.Say("no release to be had; building %s from source (about %.0f min)", t.Pinned, t.Builds.Minutes())
		binary = filepath.Join(scratch, t.Name)
		if err := build(ctx, filepath.Join(repo, t.Module), binary, t.Package); err != nil {
			return "", "", err
		}
		how = fmt.Sprintf("built %s from source in %s", t.Pinned, term.Seconds(time.Since(began)))
	}
	if err := os.Chmod(binary, 0o755); err != nil {
		return "", "", err
	}
	path = filepath.Join(folder, t.Pin())
	return path, how, os.Rename(binary, path)
}

// download fetches the official release; hc-install verifies the checksums' signature and the archive's checksum.
// A machine that can't reach the release site learns so within seconds.
func download(ctx context.Context, t Tool, into string) (string, error) {
	if !t.released() {
		return "", errors.New("there is none")
	}
	v, err := version.NewVersion(t.Pinned)
	if err != nil {
		return "", err
	}
	release := &releases.ExactVersion{
		Product: t.Release, Version: v, InstallDir: into, Timeout: 10 * time.Minute,
		HTTPClient: &http.Client{Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 4 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
		}},
	}
	return release.Install(ctx)
}
