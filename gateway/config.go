package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"

	"redoubt.example/gateway/internal/cors"
	"redoubt.example/services/platform/config"
)

// settings are the gateway's own, beside those of every workload.
type settings struct {
	config.Workload
	Clients
	Inspection
	Listen           string   `env:"LISTEN" envDefault:"127.0.0.1:8443"`       // host:port of the public API
	OIDCIssuer       string   `env:"OIDC_ISSUER,required,notEmpty"`            // as in the access tokens' iss
	OIDCAudience     string   `env:"OIDC_AUDIENCE" envDefault:"redoubt"`       // must be among the access tokens' aud
	CORSOrigins      []string `env:"GATEWAY_CORS_ORIGINS"`                     // comma-separated: whose pages may use the API
	OIDCSubjectClaim string   `env:"OIDC_SUBJECT_CLAIM" envDefault:"username"` // the claim that names the principal
}

// Validate implements config.Load's check.
func (s settings) Validate() error {
	if err := errors.Join(s.Workload.Validate(), s.Clients.Validate()); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return fmt.Errorf("REDOUBT_LISTEN %q is not host:port", s.Listen)
	}
	if u, err := url.Parse(s.OIDCIssuer); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("REDOUBT_OIDC_ISSUER %q is not an https URL", s.OIDCIssuer)
	}
	if _, err := s.policy(); err != nil {
		return err
	}
	if _, err := cors.New(s.CORSOrigins); err != nil {
		return fmt.Errorf("REDOUBT_GATEWAY_CORS_ORIGINS: %w", err)
	}
	return nil
}

// names are what the edge's certificate is for: the address that it listens on, and what people type for it.
func (s settings) names() (dns []string, ips []net.IP) {
	dns, ips = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	host, _, _ := net.SplitHostPort(s.Listen)
	switch ip := net.ParseIP(host); {
	case ip != nil && !ip.IsLoopback() && !ip.IsUnspecified():
		ips = append(ips, ip)
	case ip == nil && host != "" && host != "localhost":
		dns = append(dns, host)
	}
	return dns, ips
}
