package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"redoubt.example/services/platform/controls"
)

// ErrTarget is wrapped by every refusal to connect somewhere: server-side request forgery (OWASP API7:2023).
var ErrTarget = errors.New("webhook target refused")

const maxURL = 2048

// Targets decides where webhooks may go: public addresses at ports 80 and 443, and what an operator allows.
type Targets struct{ allowed map[string]bool }

// NewTargets takes the host:port pairs that are let through whatever they are, as they stand in a URL.
func NewTargets(allow []string) (Targets, error) {
	t := Targets{allowed: map[string]bool{}}
	for _, hostPort := range allow {
		host, port, err := net.SplitHostPort(hostPort)
		if err != nil || host == "" || port == "" {
			return Targets{}, fmt.Errorf("allowed webhook target %q is not host:port", hostPort)
		}
		t.allowed[net.JoinHostPort(strings.ToLower(host), port)] = true
	}
	return t, nil
}

// Allowed tells whether an operator lets this host:port through.
func (t Targets) Allowed(hostPort string) bool { return t.allowed[strings.ToLower(hostPort)] }

// CheckURL refuses what can be refused by looking. A name may resolve to anything, and to something else the next
// time: CheckAddress has the last word, on the address that is connected to.
func (t Targets) CheckURL(raw string) error {
	if !controls.On(controls.AppWebhookSSRF) {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL || u.Opaque != "":
		return refuse("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("the scheme must be https or http")
	case u.User != nil:
		return refuse("a URL with credentials")
	case u.Fragment != "" || u.RawFragment != "":
		return refuse("a URL with a fragment")
	case u.Hostname() == "":
		return refuse("a URL without a host")
	}
	hostPort := HostPort(u)
	if t.Allowed(hostPort) {
		return nil
	}
	if port := strings.TrimPrefix(hostPort[strings.LastIndexByte(hostPort, ':'):], ":"); port != "80" && port != "443" {
		return refuse("a port other than 80 and 443")
	}
	return checkHost(u.Hostname())
}

// HostPort returns the host and port that a request to u connects to.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func checkHost(host string) error {
	if strings.ContainsAny(host, ":%") { // IPv6, with or without a zone
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Zone() != "" {
			return refuse("a malformed address")
		}
		return checkIP(addr)
	}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	last := labels[len(labels)-1]
	for _, label := range labels {
		if !isLabel(label) {
			return refuse("a malformed host name")
		}
	}
	switch {
	case last == "localhost":
		return refuse("a loopback name")
	case last[0] >= '0' && last[0] <= '9':
		// No top-level domain starts with a digit: this is an address. Resolvers take many spellings of one
		// (2130706433, 0x7f.1, 0177.0.0.1); we take the usual one.
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return refuse("an address in an unusual spelling")
		}
		return checkIP(addr)
	}
	return nil
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	return strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrTarget}, args...)...)
}
