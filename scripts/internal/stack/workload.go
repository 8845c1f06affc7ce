package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/process"
)

// app is a service's own process. It starts once the control plane is configured and the service's jobs are done.
func (s *Stack) app(name string) process.Spec {
	depends := []string{controlplane.Ready}
	for _, job := range s.jobs() {
		if s.topology.Jobs[job].Service == name {
			depends = append(depends, job)
		}
	}
	spec := s.spec(name, name, name)
	spec.Env = append(spec.Env, s.settings[name]...)
	spec.Depends = depends
	spec.Ready = answers(s.folder(name, "admin.sock"))
	if name == gateway {
		spec.Env = append(spec.Env,
			"REDOUBT_LISTEN="+s.listen,
			"REDOUBT_OIDC_ISSUER="+s.plane.VaultAddr+"/v1/identity/oidc",
			"REDOUBT_OIDC_AUDIENCE=redoubt",
			"REDOUBT_OIDC_SUBJECT_CLAIM=username",
		)
		spec.Prepare = func(context.Context) error { _ = s.cfg.Gateway.Close(); return nil } // closed already on a restart
	}
	return spec
}

func (s *Stack) sidecar(name string) process.Spec {
	spec := s.spec(name+sidecarSuffix, name, "sidecar")
	spec.Depends = []string{controlplane.Ready}
	spec.Ready = answers(s.folder(name, "sidecar.sock"))
	return spec
}

// job is a service's own binary with a verb, as an identity of its own: "payments-migrate" is "payments migrate".
func (s *Stack) job(name string) process.Spec {
	service := s.topology.Jobs[name].Service
	spec := s.spec(name, name, service)
	spec.Args = []string{strings.TrimPrefix(name, service+"-")}
	spec.Depends = []string{controlplane.Ready}
	spec.Once = true
	return spec
}

// spec is what all processes of a workload have in common.
func (s *Stack) spec(component, workload, binary string) process.Spec {
	uid, gid := s.Users.Of(workload)
	return process.Spec{
		Name:        component,
		Path:        filepath.Join(s.cfg.Tools.Bin, binary),
		Env:         s.env(workload),
		Dir:         s.folder(workload),
		UID:         uid,
		GID:         gid,
		StopTimeout: 15 * time.Second,
	}
}

// env is a workload's whole environment: where things are, and never a secret.
func (s *Stack) env(workload string) []string {
	service := workload
	if job := s.topology.Jobs[workload]; job != nil {
		service = job.Service
	}
	env := []string{
		"REDOUBT_WORKLOAD=" + workload,
		"REDOUBT_RUN_DIR=" + s.folder(workload),
		"REDOUBT_MODE=" + s.cfg.Mode,
		"REDOUBT_CA_FILE=" + s.plane.CAFile,
		"REDOUBT_CONSUL_HTTP=" + s.plane.ConsulHTTP,
		"REDOUBT_CONSUL_GRPC=" + s.plane.ConsulGRPC,
		"REDOUBT_VAULT_ADDR=" + s.plane.VaultAddr,
	}
	if s.topology.Services[service].Database {
		env = append(env, "REDOUBT_DATABASE="+s.plane.PostgresAddr)
	}
	if service == "modelstore" && workload != service { // the job fills the service's folder
		env = append(env, "REDOUBT_DATA_DIR="+s.folder(service, "data"))
	}
	return env
}

// makeFolder makes a workload's folder, which only its own user may enter.
func (s *Stack) makeFolder(workload string) error {
	uid, gid := s.Users.Of(workload)
	for _, path := range []string{s.folder(workload), s.folder(workload, "data")} {
		if err := os.Mkdir(path, 0o700); err != nil {
			return fmt.Errorf("make the folder of %s: %w", workload, err)
		}
		if uid != 0 {
			if err := os.Chown(path, uid, gid); err != nil {
				return fmt.Errorf("make the folder of %s: %w", workload, err)
			}
		}
	}
	return nil
}
