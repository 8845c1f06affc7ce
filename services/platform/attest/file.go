package attest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// File is a document kept fresh on disk for one workload.
type File struct {
	Path     string
	Subject  string
	Audience string
	Instance string // which of the subject's processes; the subject where there is but one
	UID, GID int    // the file's owner; both 0 leaves it ours
}

// retryAfter is short beside what is left of a document's life when its rewriting first fails (a full disk, say).
const retryAfter = 5 * time.Second

// Keep writes the document now, and goes on rewriting it at half its life until ctx ends. It returns once the
// first one is in place: a process started after that finds it. A failing rewrite is logged and tried again.
func (i *Issuer) Keep(ctx context.Context, f File) error {
	if err := i.Write(f); err != nil {
		return err
	}
	go i.rewrite(ctx, f)
	return nil
}

func (i *Issuer) rewrite(ctx context.Context, f File) {
	wait := time.NewTimer(TTL / 2)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		next := TTL / 2
		if err := i.Write(f); err != nil {
			// A folder that is gone means a workload that is gone; its Keep ends with ctx.
			i.log().Error("document not rewritten", "workload", f.Subject, "audience", f.Audience, "error", err)
			next = retryAfter
		}
		wait.Reset(next)
	}
}

// Write issues a document into the file, 0600, by an atomic rename: a reader sees the old one or the new one.
//
// The folder may belong to the workload, and a compromised workload may plant links in it. So the new file gets
// a random name and is created exclusively, its owner is set through the open descriptor, and the rename
// replaces whatever lies at Path without following it.
func (i *Issuer) Write(f File) (err error) {
	token, err := i.token(f.Subject, f.Audience, cmp.Or(f.Instance, f.Subject))
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".*")
	if err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if f.UID != 0 || f.GID != 0 {
		if err := tmp.Chown(f.UID, f.GID); err != nil {
			return fmt.Errorf("write document: %w", err)
		}
	}
	if _, err := tmp.WriteString(token); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	if err := os.Rename(tmp.Name(), f.Path); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}
