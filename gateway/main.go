// Gateway is the edge of the platform: TLS, access tokens, scopes; inside, transaction tokens over the mesh.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/cors"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/quarantine"
	"redoubt.example/gateway/internal/rpc"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/containment"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/pseudonym"
	"redoubt.example/services/platform/upstream"
	"redoubt.example/services/platform/workload"
)

// upstreamTimeout is longer than what a service grants its own calls, and shorter than the whole request.
const upstreamTimeout = 10 * time.Second

//go:embed openapi.yaml
var contractText []byte

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen) // first: a taken port is known before anything is leased
	if err != nil {
		return &config.Error{Reason: fmt.Sprintf("can't listen on REDOUBT_LISTEN %s: %v", cfg.Listen, err)}
	}
	defer listener.Close()
	rules := cfg.Inspection.load()
	w, err := workload.Open(ctx, cfg.Workload)
	if err != nil {
		return err
	}
	defer w.Close()

	identity, err := w.Mesh.ID(ctx)
	if err != nil {
		return fmt.Errorf("learn own SPIFFE ID: %w", err)
	}
	minter, err := authn.NewMinter(identity.TrustDomain)
	if err != nil {
		return err
	}
	w.OnRotate("token-key", func(context.Context) (string, error) { return "", minter.Rotate() })
	client, err := accesstoken.Client(cfg.CAFile)
	if err != nil {
		return err
	}
	names, err := pseudonyms(ctx, w)
	if err != nil {
		return err
	}
	tokens := accesstoken.New(accesstoken.Config{
		Issuer: cfg.OIDCIssuer, Audience: cfg.OIDCAudience, SubjectClaim: cfg.OIDCSubjectClaim, Client: client, Name: names.Token,
	})
	described, err := contract.Load(contractText)
	if err != nil {
		return err
	}
	origins, err := cors.New(cfg.CORSOrigins)
	if err != nil {
		return err
	}
	keys := apiKeys(w)
	public := edge.Config{
		Tokens: tokens, Names: names, Keys: keys, Log: w.Log, Metrics: w.Metrics, Tracing: w.Tracing, Contract: described, CORS: origins,
		Ready: func() error { return errors.Join(tokens.Ready(), w.Mesh.Ready()) },
		Mint: func(g authn.Grant) (string, error) {
			g.Requester = identity.String()
			return minter.Mint(g)
		},
	}
	if public.Quarantine, err = quarantine.Open(filepath.Join(cfg.RunDir, "contained.json")); err != nil {
		return &config.Error{Reason: err.Error()}
	}
	w.Admin("PUT "+containment.Path, public.Quarantine.Handler(w.Log))
	w.Admin("GET "+containment.Path, public.Quarantine.Handler(w.Log))
	if err := cfg.Clients.open(w, &public, cfg.origins(listener.Addr())); err != nil {
		return err
	}
	if public.WAF, err = rules(); err != nil {
		return err
	}
	api, err := publicAPI(w, public)
	if err != nil {
		return err
	}
	w.Ready("token issuer", tokens.Ready)
	w.Go("token issuer", tokens.Run)
	w.Go("API keys", func(ctx context.Context) error {
		return apikey.Watch{Addr: cfg.ConsulHTTP, CAFile: cfg.CAFile, JWTFile: filepath.Join(cfg.RunDir, "consul.jwt"), Instance: cfg.Name, Log: w.Log}.Run(ctx, keys)
	})
	w.Go("edge listener", func(ctx context.Context) error {
		dns, ips := cfg.names()
		certificate, err := w.Vault.ServerCertificate(ctx, "pki-edge", cfg.Name, dns, ips) // waits while Vault is away
		if err != nil {
			return err
		}
		w.Log.Info("public API", "address", listener.Addr().String())
		transport := edge.TLS(certificate.GetCertificate)
		if cfg.TLS12 {
			edge.AllowTLS12(transport)
		}
		return edge.Serve(ctx, edge.LimitConnections(listener, public), transport, api, w.Log)
	})
	return w.Serve(ctx, httpserver.Route{Route: "GET /v1/transaction-keys", Handle: func(c echo.Context) error {
		keys, err := minter.PublicKeys()
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/jwk-set+json", keys)
	}})
}

// apiKeys are hashed with what Vault derives for us; it is asked once for each version.
func apiKeys(w *workload.Workload) *apikey.Set {
	transit := w.Vault.Transit(apikey.PepperKey)
	return apikey.NewSet(func(ctx context.Context, version int) ([]byte, error) {
		pepper, _, err := transit.HMAC(ctx, []byte(apikey.PepperPurpose), version)
		return pepper, err
	})
}

// pseudonyms are made with what Vault derives for us, once.
func pseudonyms(ctx context.Context, w *workload.Workload) (*pseudonym.Names, error) {
	key, _, err := w.Vault.Transit(pseudonym.Key).HMAC(ctx, []byte(pseudonym.Purpose), pseudonym.Version)
	if err != nil {
		return nil, fmt.Errorf("derive the key of pseudonyms: %w", err)
	}
	return pseudonym.New(key), nil
}

// publicAPI connects topology.yaml's edge routes to their upstreams.
func publicAPI(w *workload.Workload, cfg edge.Config) (http.Handler, error) {
	inference, err := w.GRPC("inference", upstream.WithTimeout(upstreamTimeout))
	if err != nil {
		return nil, err
	}
	cfg.RPC = rpc.Handlers(inferencev1.NewInferenceServiceClient(inference))
	transports := map[string]http.RoundTripper{}
	cfg.Upstream = func(name string) http.RoundTripper {
		if transports[name] == nil {
			transports[name] = w.HTTP(name, upstream.WithTimeout(upstreamTimeout)).Transport()
		}
		return transports[name]
	}
	for _, r := range w.Topology.Edge {
		cfg.Routes = append(cfg.Routes, edge.Route(r))
	}
	return edge.New(cfg)
}
