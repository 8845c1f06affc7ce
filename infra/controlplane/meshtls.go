package controlplane

import (
	"context"
	"fmt"

	consul "github.com/hashicorp/consul/api"
)

// applyMeshTLS has every Envoy of the mesh speak TLS 1.3 and nothing older, as a server and as a client; left alone, one accepts
// 1.2. Our own data plane needs no telling.
func applyMeshTLS(ctx context.Context, client *consul.Client) error {
	only13 := &consul.MeshDirectionalTLSConfig{TLSMinVersion: "TLSv1_3", TLSMaxVersion: "TLSv1_3"}
	entry := &consul.MeshConfigEntry{TLS: &consul.MeshTLSConfig{Incoming: only13, Outgoing: only13}}
	if _, _, err := client.ConfigEntries().Set(entry, consulWrite(ctx)); err != nil {
		return fmt.Errorf("write the mesh's TLS settings: %w", err)
	}
	return nil
}
