package xds_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// bootstrap is what an Envoy is told at its start, as far as the way to Consul is concerned.
type bootstrap struct{ node, cluster, address, ca, token string }

// bootstrapOf has Consul generate it: consul connect envoy -bootstrap.
func bootstrapOf(t *testing.T, env *controlplanetest.Env, proxy, token string) bootstrap {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", env.Process("consul").PID()))
	require.NoError(t, err)
	cmd := exec.Command(binary, "connect", "envoy", "-bootstrap", "-proxy-id", proxy, "-token-file", file, "-ca-file", env.CAFile,
		"-http-addr", "https://"+env.ConsulHTTP, "-grpc-addr", "https://"+env.ConsulGRPC, "-grpc-ca-file", env.CAFile)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	raw, err := cmd.Output()
	require.NoError(t, err, complaint.String())
	return parseBootstrap(t, raw)
}

func parseBootstrap(t *testing.T, raw []byte) bootstrap {
	t.Helper()
	var text struct {
		Admin   struct{ Address socketAddress }
		Node    struct{ ID, Cluster string }
		Static  struct{ Clusters []staticCluster } `json:"static_resources"`
		Dynamic struct {
			LDS source           `json:"lds_config"`
			CDS source           `json:"cds_config"`
			ADS aggregatedSource `json:"ads_config"`
		} `json:"dynamic_resources"`
	}
	require.NoError(t, json.Unmarshal(raw, &text), string(raw))
	require.Equal(t, "127.0.0.1", text.Admin.Address.Socket.Address, "Envoy's admin port is open to this machine alone")
	require.NotNil(t, text.Dynamic.LDS.ADS)
	require.NotNil(t, text.Dynamic.CDS.ADS)
	ads := text.Dynamic.ADS
	require.Equal(t, []string{"DELTA_GRPC", "V3"}, []string{ads.API, ads.Transport})
	b := bootstrap{node: text.Node.ID, cluster: text.Node.Cluster}
	require.Len(t, ads.Services.Metadata, 1)
	require.Equal(t, "x-consul-token", ads.Services.Metadata[0].Key)
	b.token = ads.Services.Metadata[0].Value
	for _, c := range text.Static.Clusters {
		if c.Name == ads.Services.Envoy.Cluster {
			at := c.Load.Endpoints[0].LB[0].Endpoint.Address.Socket
			b.address = net.JoinHostPort(at.Address, strconv.Itoa(at.Port))
			b.ca = c.Transport.Config.Common.Validation.CA.Inline
		}
	}
	return b
}

type socketAddress struct {
	Socket struct {
		Address string
		Port    int `json:"port_value"`
	} `json:"socket_address"`
}

type source struct{ ADS *struct{} }

type aggregatedSource struct {
	API       string `json:"api_type"`
	Transport string `json:"transport_api_version"`
	Services  struct {
		Metadata []struct{ Key, Value string } `json:"initial_metadata"`
		Envoy    struct {
			Cluster string `json:"cluster_name"`
		} `json:"envoy_grpc"`
	} `json:"grpc_services"`
}

type staticCluster struct {
	Name      string
	Transport struct {
		Config struct {
			Common struct {
				Validation struct {
					CA struct {
						Inline string `json:"inline_string"`
					} `json:"trusted_ca"`
				} `json:"validation_context"`
			} `json:"common_tls_context"`
		} `json:"typed_config"`
	} `json:"transport_socket"`
	Load struct {
		Endpoints []struct {
			LB []struct {
				Endpoint struct{ Address socketAddress }
			} `json:"lbEndpoints"`
		}
	} `json:"loadAssignment"`
}
