package platformbench

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/procfs"
	"redoubt.example/scripts/internal/stack"
)

// Program is a lab's command line and the checkout that it builds its services from.
type Program struct{ Path, Repo string }

// Setup says which lab to start.
type Setup struct {
	Name    string   // of its folder, and in what is said of it
	Profile string   // "": as the program's own default is, which every revision has
	Delays  []string // "service:control=20us": 0s lets it take others while it runs
	Program Program  // another one than the run's; none: that
	Sync    bool     // PostgreSQL waits for the disk, as every revision's does
	Engine  string   // what runs the components; "": processes
}

// Lab is a whole platform that was started to be measured.
type Lab struct {
	Setup
	Record labdir.Record
	Status control.Status
	Client *control.Client

	roots     *x509.CertPool
	process   *process.Process
	said      *words
	processes []int
	tokens    tokens
}

const (
	startTimeout = 3 * time.Minute // a machine that others use builds and starts slowly
	stopTimeout  = time.Minute
	// honest is the demo user whose requests are measured: the one who may have the scope bench, too.
	honest = "erin"
)

// start runs `lab up` as a process of its own, which ends with us.
func start(ctx context.Context, p Program, folder string, s Setup) (*Lab, error) {
	dir, err := labdir.At(filepath.Join(folder, s.Name))
	if err != nil {
		return nil, err
	}
	args := []string{"up", "--dir", dir.Path()}
	if s.Profile != "" {
		args = append(args, "--profile", s.Profile)
	}
	for _, d := range s.Delays {
		args = append(args, "--delay", d)
	}
	if s.Engine != "" {
		args = append(args, "--engine", s.Engine)
	}
	if !s.Sync && s.Engine == "" { // a disk's pauses are a thousand times what is measured, and alike whatever the controls
		args = append(args, "--no-sync")
	}
	env := append(os.Environ(), stack.UnsafeLab+"=1")
	l := &Lab{Setup: s, said: &words{}}
	l.process, err = process.Start(ctx, process.Spec{Name: "lab " + s.Name, Path: p.Path, Args: args, Dir: p.Repo, Env: env, StopTimeout: stopTimeout}, l.said)
	if err != nil {
		return nil, err
	}
	if err := l.await(ctx, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("start a lab for %s: %w", s.Name, err), l.stop())
	}
	return l, nil
}

func (l *Lab) await(ctx context.Context, dir labdir.Dir) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !l.Status.Ready {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.process.Done():
			return errors.New(l.said.last())
		case <-tick.C:
		}
		record, err := dir.Running()
		if err != nil {
			continue
		}
		l.Record, l.Client = record, control.NewClient(record.Control())
		if status, err := l.Client.Status(ctx); err == nil {
			l.Status = status
		}
	}
	if err := l.readRoots(); err != nil {
		return err
	}
	return l.look(ctx)
}

func (l *Lab) readRoots() error {
	pem, err := os.ReadFile(l.Status.CAFile)
	if err != nil {
		return err
	}
	l.roots = x509.NewCertPool()
	if !l.roots.AppendCertsFromPEM(pem) {
		return errors.New("the lab's CA file holds no certificate")
	}
	return nil
}

// look finds the lab's processes: those that serve, without the lab's own supervisor.
func (l *Lab) look(ctx context.Context) (err error) {
	if l.Status, err = l.Client.Status(ctx); err != nil {
		return err
	}
	l.processes = nil
	tree := procfs.Tree()
	var add func(pid int)
	add = func(pid int) {
		l.processes = append(l.processes, pid)
		for _, child := range tree[pid] {
			add(child)
		}
	}
	for _, c := range l.Status.Components {
		if c.PID != 0 && c.PID != l.Record.PID {
			add(c.PID)
		}
	}
	return nil
}

// stop ends the lab and waits until nothing of it runs.
func (l *Lab) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout+10*time.Second)
	defer cancel()
	return l.process.Stop(ctx)
}

// words is what a lab says, for the error if it doesn't start.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(w.text.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-2):], " ")
}

// tokens keeps access tokens as long as they are good.
type tokens struct {
	mu   sync.Mutex
	held map[string]heldToken
}

type heldToken struct {
	token string
	since time.Time
}

// tokenLife is well within the 15 minutes that a token is good for.
const tokenLife = 5 * time.Minute

// Token is a demo user's, narrowed to these scopes.
func (l *Lab) Token(ctx context.Context, user string, scopes ...string) (string, error) {
	l.tokens.mu.Lock()
	defer l.tokens.mu.Unlock()
	key := user + " " + strings.Join(scopes, " ")
	if held, ok := l.tokens.held[key]; ok && time.Since(held.since) < tokenLife {
		return held.token, nil
	}
	token, err := l.Client.Token(ctx, user, scopes)
	if err != nil {
		return "", fmt.Errorf("get a token of %s: %w", user, err)
	}
	if l.tokens.held == nil {
		l.tokens.held = map[string]heldToken{}
	}
	l.tokens.held[key] = heldToken{token, time.Now()}
	return token, nil
}
