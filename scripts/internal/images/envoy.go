package images

import (
	"context"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// envoy is an image of the Envoy that this machine has, the agent that starts it, and Consul's program, which makes its
// bootstrap. It takes the place of the sidecar's image, and its program the sidecar's name.
func envoy(ctx context.Context, from Source) (v1.Image, error) {
	var files layer
	agent := filepath.Join(from.Bin, filepath.Base(EnvoyAgent))
	files.copy("/sidecar", agent, 0o755)
	files.copy("/envoy", from.Envoy, 0o755)
	files.copy("/consul", from.Consul, 0o755)
	files.copy(authorities, systemAuthorities(), 0o644)
	if err := files.libraries(ctx, []string{from.Envoy}); err != nil {
		return nil, err
	}
	bill, err := Bill("envoyagent", agent)
	if err != nil {
		return nil, err
	}
	files.add(billPath, bill, 0o644)
	return files.image(v1.Config{
		Entrypoint: []string{"/sidecar"}, User: "65532:65532",
		Env: []string{"PATH=/", "SSL_CERT_FILE=" + authorities, "REDOUBT_ENVOY=/envoy", "REDOUBT_CONSUL_PROGRAM=/consul"},
	}, "envoy")
}
