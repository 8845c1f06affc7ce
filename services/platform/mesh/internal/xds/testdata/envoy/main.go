// Command envoy stands in for one in tests: it takes the same arguments and bootstrap, gets its configuration from Consul by
// xDS, and does with it, on small scale, what Envoy does. What it doesn't know it refuses. It shows that what is around Envoy
// fits together, and nothing about Envoy itself.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// bootstrap is as much of one as this program knows.
type bootstrap struct {
	Admin   struct{ Address address }
	Node    struct{ ID, Cluster string }
	Static  struct{ Clusters []static } `json:"static_resources"`
	Dynamic struct {
		ADS struct {
			API      string `json:"api_type"`
			Services struct {
				Metadata []any `json:"initial_metadata"`
				Envoy    struct {
					Cluster string `json:"cluster_name"`
				} `json:"envoy_grpc"`
			} `json:"grpc_services"`
		} `json:"ads_config"`
	} `json:"dynamic_resources"`
}

type address struct {
	Pipe struct {
		Path string
		Mode uint32
	}
}

type static struct {
	Name string
	Load struct {
		Endpoints []struct {
			LB []struct {
				Endpoint struct{ Address address }
			} `json:"lbEndpoints"`
		}
	} `json:"loadAssignment"`
}

func main() {
	path := flag.String("config-path", "", "")
	flag.Bool("disable-hot-restart", false, "")
	flag.String("log-level", "", "")
	flag.Int("concurrency", 0, "")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *path); err != nil {
		log.Fatal("stand-in for envoy: ", err)
	}
}

func run(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm() != 0o600 {
		return fmt.Errorf("others can read the bootstrap: %v", info.Mode())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var b bootstrap
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	ads := ""
	for _, c := range b.Static.Clusters {
		if c.Name == b.Dynamic.ADS.Services.Envoy.Cluster {
			ads = c.Load.Endpoints[0].LB[0].Endpoint.Address.Pipe.Path
		}
	}
	switch {
	case len(b.Dynamic.ADS.Services.Metadata) > 0 || strings.Contains(string(raw), "x-consul-token"):
		return errors.New("there is a token in the bootstrap")
	case b.Admin.Address.Pipe.Mode != 0o600:
		return errors.New("the admin interface isn't at a socket of mode 0600")
	case ads == "" || b.Dynamic.ADS.API != "DELTA_GRPC":
		return errors.New("no way to xDS over a socket")
	}
	e := newEnvoy(b, ads)
	go e.ask(ctx)
	admin, err := listenUnix(b.Admin.Address.Pipe.Path, b.Admin.Address.Pipe.Mode)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(e.admin), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(admin)
	<-ctx.Done()
	for _, path := range append(e.sockets(), b.Admin.Address.Pipe.Path) {
		os.Remove(path)
	}
	return nil
}

// listenUnix takes the place of what lies there, as Envoy does.
func listenUnix(path string, mode uint32) (net.Listener, error) {
	os.Remove(path)
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	ln, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, os.FileMode(mode))
	}
	return ln, err
}

func (e *envoy) admin(w http.ResponseWriter, r *http.Request) {
	leaf := e.leaf()
	switch {
	case r.URL.Path == "/ready" && !e.ready():
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/certs" && leaf != nil:
		fmt.Fprintf(w, `{"certificates":[{"cert_chain":[{"serial_number":"%x","expiration_time":%q,"subject_alt_names":[{"uri":%q}]}]}]}`,
			leaf.SerialNumber, leaf.NotAfter.Format(time.RFC3339), leaf.URIs[0])
	}
}
