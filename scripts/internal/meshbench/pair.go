package meshbench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
)

// side is what a proxy's configuration is made from.
type side struct {
	Prefix, Listen, Peer   string // Prefix begins the names of its files
	PeerName, Module, User string
	Outbound               bool
}

// pair sets up the two sides of a pair of other people's proxies.
func (r *rig) pair(ctx context.Context, name string, run func(side) (*process.Process, error)) (row, error) {
	_, socket, err := r.app(ctx)
	if err != nil {
		return row{}, err
	}
	address, err := freePort()
	if err != nil {
		return row{}, err
	}
	if err := os.Mkdir(r.path(name), 0o700); err != nil {
		return row{}, err
	}
	out := side{Prefix: r.path(name, "a"), Listen: r.path(name, "a.sock"), Peer: address, PeerName: peerName, Outbound: true}
	in := side{Prefix: r.path(name, "b"), Listen: address, Peer: socket, PeerName: peerName}
	built := row{
		target: bench.Target{Dial: dialer("unix", out.Listen), Processes: []int{r.appProcess}},
		full:   &bench.Target{Name: name, Dial: dialer("unix", out.Listen+".full")},
		mTLS:   address, caller: sidecarCaller,
	}
	for workload, s := range map[string]side{sidecarCaller: out, sidecarCallee: in} {
		l, err := r.sign(ctx, workload)
		if err != nil {
			return row{}, err
		}
		if err := l.files(s.Prefix); err != nil {
			return row{}, err
		}
	}
	for _, s := range []side{out, in} {
		p, err := run(s)
		if err != nil {
			return row{}, err
		}
		built.started = append(built.started, p)
	}
	return built, nil
}

// proxy writes a side's configuration and starts it; the configuration's path is the last argument.
func (r *rig) proxy(ctx context.Context, name, path string, t *template.Template, s side, args ...string) (*process.Process, error) {
	var text bytes.Buffer
	if err := t.Execute(&text, s); err != nil {
		return nil, err
	}
	file := s.Prefix + ".conf"
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	network := "tcp"
	if s.Outbound {
		network = "unix"
	}
	return r.start(ctx, process.Spec{
		Name: name, Path: path, Args: append(args, file), Dir: r.path(name), Ready: listening(network, s.Listen),
	})
}

// find looks where servers are installed, too: an ordinary user's PATH may lack it.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return filepath.Abs(path)
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// asRoot is the user that a server's workers should keep: root would give them to nobody, who can't open our sockets.
func asRoot() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return ""
}
