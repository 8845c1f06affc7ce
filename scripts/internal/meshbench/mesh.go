package meshbench

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
	"redoubt.example/services/platform/attest"
	"redoubt.example/services/platform/mesh"
)

// Each row has a caller and a callee of its own among those that topology.yaml lets talk, so that no instance of one
// row serves another.
const (
	sidecarCaller, sidecarCallee = "ingestion", "payments"
	nativeCaller, nativeCallee   = "inference", "modelstore"
)

// sidecar is our pair: the real programs, registered in the real Consul.
func (r *rig) sidecar(ctx context.Context) (row, error) {
	app, err := r.workload(ctx, sidecarCallee, "sidecar")
	if err != nil {
		return row{}, err
	}
	if err := r.document(sidecarCaller, attest.AudienceConsul); err != nil {
		return row{}, err
	}
	built := row{target: bench.Target{
		Dial:      dialer("unix", r.path(sidecarCaller, "up-"+sidecarCallee+".sock")),
		Processes: []int{app.PID()},
	}}
	for _, name := range []string{sidecarCaller, sidecarCallee} {
		p, err := r.start(ctx, process.Spec{
			Name: name + ".sidecar", Path: r.program("sidecar"), Env: r.workloadEnv(name, "sidecar"), Dir: r.path(name),
			Ready: listening("unix", r.path(name, "sidecar.sock")),
		})
		if err != nil {
			return row{}, err
		}
		built.started = append(built.started, p)
	}
	built.caller = sidecarCaller
	built.mTLS, err = r.lookUp(ctx, sidecarCaller, sidecarCallee)
	return built, err
}

// native is both ends in the mesh by themselves: the prober is the caller, the app listens through package mesh.
func (r *rig) native(ctx context.Context) (row, error) {
	if err := r.document(nativeCaller, attest.AudienceConsul); err != nil {
		return row{}, err
	}
	app, err := r.workload(ctx, nativeCallee, "native")
	if err != nil {
		return row{}, err
	}
	caller, err := mesh.Open(ctx, mesh.Config{Workload: nativeCaller, Upstreams: []string{nativeCallee}, RunDir: r.path(nativeCaller),
		Mode: "native", CAFile: r.plane.CAFile, ConsulHTTP: r.plane.ConsulHTTP, ConsulGRPC: r.plane.ConsulGRPC,
		Log: slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return row{}, err
	}
	r.closers = append(r.closers, caller.Close)
	built := row{caller: nativeCaller, target: bench.Target{
		Dial:      func(ctx context.Context) (net.Conn, error) { return caller.Dial(ctx, nativeCallee) },
		Processes: []int{app.PID()},
	}}
	built.mTLS, err = r.lookUp(ctx, nativeCaller, nativeCallee)
	return built, err
}

// lookUp finds the port that a service's peers connect to, as they do: in Consul, once it is healthy.
func (r *rig) lookUp(ctx context.Context, caller, callee string) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = r.asWorkload(ctx, caller, func(client *consul.Client, _ string) error {
		var index uint64
		for {
			found, meta, err := client.Health().Connect(callee, "", true, (&consul.QueryOptions{WaitIndex: index}).WithContext(ctx))
			if err != nil {
				return fmt.Errorf("look up %s: %w", callee, err)
			}
			if len(found) > 0 {
				address = net.JoinHostPort(found[0].Service.Address, strconv.Itoa(found[0].Service.Port))
				return nil
			}
			index = meta.LastIndex
		}
	})
	return address, err
}

// workload starts the echo as a workload of the mesh.
func (r *rig) workload(ctx context.Context, name, mode string) (*process.Process, error) {
	if err := r.document(name, attest.AudienceConsul); err != nil {
		return nil, err
	}
	args := []string{"mesh"}
	if r.chained {
		args = append(args, map[string]string{sidecarCallee: sidecarCaller, nativeCallee: nativeCaller}[name])
	}
	return r.start(ctx, process.Spec{
		Name: name, Path: r.program("echo"), Args: args, Env: r.workloadEnv(name, mode), Dir: r.path(name),
		Ready: listening("unix", r.path(name, "admin.sock")),
	})
}

func (r *rig) program(name string) string { return filepath.Join(r.cfg.Bin, name) }
