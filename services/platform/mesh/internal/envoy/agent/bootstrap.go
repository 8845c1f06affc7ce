package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"redoubt.example/services/platform/mesh/internal/envoy"
)

// writeBootstrap has Consul's own program make what an Envoy is told at its start, and changes two things in it: the way to
// xDS is our socket, without a token, and the admin interface is a socket, too. So the file holds no secret.
func (a *Agent) writeBootstrap(ctx context.Context, token string) (path string, err error) {
	held := filepath.Join(a.cfg.RunDir, "envoy.token") // a file, because other users can read command lines
	if err := os.WriteFile(held, []byte(token), 0o600); err != nil {
		return "", fmt.Errorf("make envoy's bootstrap: %w", err)
	}
	defer os.Remove(held)
	cmd := exec.CommandContext(ctx, a.cfg.ConsulProgram, "connect", "envoy", "-bootstrap", "-proxy-id", a.cfg.Instance+"-sidecar-proxy",
		"-token-file", held, "-ca-file", a.cfg.CAFile, "-http-addr", "https://"+a.cfg.ConsulHTTP, "-grpc-addr", "unix://"+a.adsSocket())
	cmd.Env = []string{"HOME=" + a.cfg.RunDir} // nothing of CONSUL_*
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	raw, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make envoy's bootstrap: %w: %s", err, strings.Join(strings.Fields(complaint.String()), " "))
	}
	if raw, err = rewrite(raw, envoy.AdminSocket(a.cfg.RunDir)); err != nil {
		return "", fmt.Errorf("make envoy's bootstrap: %w", err)
	}
	if bytes.Contains(raw, []byte(token)) {
		return "", errors.New("make envoy's bootstrap: Consul wrote the token where we don't know of it")
	}
	path = filepath.Join(a.cfg.RunDir, "envoy.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return "", fmt.Errorf("make envoy's bootstrap: %w", err)
	}
	return path, nil
}

// rewrite moves the admin interface to a socket of mode 0600, and takes the token out.
func rewrite(raw []byte, adminSocket string) ([]byte, error) {
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, err
	}
	admin, _ := whole["admin"].(map[string]any)
	dynamic, _ := whole["dynamic_resources"].(map[string]any)
	ads, _ := dynamic["ads_config"].(map[string]any)
	services, _ := ads["grpc_services"].(map[string]any)
	if admin == nil || services == nil {
		return nil, errors.New("not a bootstrap with an admin interface and ADS")
	}
	admin["address"] = map[string]any{"pipe": map[string]any{"path": adminSocket, "mode": 0o600}}
	delete(services, "initial_metadata")
	return json.MarshalIndent(whole, "", "  ")
}
