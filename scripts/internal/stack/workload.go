package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redoubt.example/infra/process"
	"redoubt.example/services/platform/controls"
)

// app is a service's own process. It starts once the control plane is configured and the service's jobs are done.
func (s *Stack) app(w instance) process.Spec {
	depends := []string{weakenStep, policyStep}
	for _, job := range s.jobs {
		if job.service == w.service {
			depends = append(depends, job.name)
		}
	}
	spec := s.spec(w.name, w, w.service)
	if w.name == gateway {
		spec.Env = append(append(spec.Env, labLimits...), "REDOUBT_GATEWAY_GEO_DATABASE="+s.folder(placesFile))
	}
	if w.name == sentinel {
		spec.Env = append(spec.Env, "REDOUBT_SENTINEL_RULES="+RulesDir(s.cfg.RunDir))
	}
	spec.Env = append(spec.Env, s.settings[w.name]...)
	spec.Depends = depends
	spec.Ready = answers(s.folder(w.name, "admin.sock"))
	if w.name == gateway {
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

func (s *Stack) sidecar(w instance) process.Spec {
	program := "sidecar"
	if s.cfg.Mode == ModeEnvoy {
		program = "envoyagent"
	}
	spec := s.spec(w.name+sidecarSuffix, w, program)
	if s.cfg.Mode == ModeEnvoy {
		spec.Env = append(spec.Env, "REDOUBT_ENVOY="+s.envoy, "REDOUBT_CONSUL_PROGRAM="+s.cfg.Tools.Consul)
	}
	spec.Depends = []string{weakenStep}
	spec.Ready = answers(s.folder(w.name, "sidecar.sock"))
	return spec
}

// job is a service's own binary with a verb, as an identity of its own: "payments-migrate" is "payments migrate".
func (s *Stack) job(w instance) process.Spec {
	spec := s.spec(w.name, w, w.service)
	spec.Args = []string{strings.TrimPrefix(w.name, w.service+"-")}
	spec.Depends = []string{weakenStep}
	spec.Once = true
	return spec
}

// spec is what all processes of an instance have in common.
func (s *Stack) spec(component string, w instance, binary string) process.Spec {
	uid, gid := s.Users.Of(w.name)
	return process.Spec{
		Name:        component,
		Path:        filepath.Join(s.cfg.Tools.Bin, binary),
		Env:         s.env(w),
		Dir:         s.folder(w.name),
		UID:         uid,
		GID:         gid,
		StopTimeout: 15 * time.Second,
	}
}

// env is an instance's whole environment: where things are, and never a secret.
func (s *Stack) env(w instance) []string {
	env := []string{
		"REDOUBT_WORKLOAD=" + w.identity,
		"REDOUBT_INSTANCE=" + w.name,
		"REDOUBT_RUN_DIR=" + s.folder(w.name),
		"REDOUBT_MODE=" + s.cfg.Mode,
		"REDOUBT_CA_FILE=" + s.plane.CAFile,
		"REDOUBT_CONSUL_HTTP=" + s.plane.ConsulHTTP,
		"REDOUBT_CONSUL_GRPC=" + s.plane.ConsulGRPC,
		"REDOUBT_VAULT_ADDR=" + s.plane.VaultAddr,
		"REDOUBT_POLICY_FILE=" + PolicyFile(s.cfg.RunDir),
	}
	if p, err := controls.LookupProfile(s.cfg.Profile); err == nil && p.Again {
		env = append(env, "REDOUBT_CONTROLS_AGAIN=1")
	}
	if s.cfg.Mode == modePlaintext {
		env = append(env, UnsafeLab+"=1")
	}
	if s.topology.Services[w.service].Database {
		env = append(env, "REDOUBT_DATABASE="+s.plane.PostgresAddr)
	}
	if w.service == modelstore && w.identity != w.service { // the job fills the service's folder
		env = append(env, "REDOUBT_DATA_DIR="+s.folder(w.service, "data"))
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
