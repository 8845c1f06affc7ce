package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/controls"
)

// attackSettings are those of a lab that is started to be attacked: limits that a flood can reach, unlike a benchmark's,
// and an address from which nobody should come. Whoever sets one keeps it.
var attackSettings = map[string]string{
	"REDOUBT_GATEWAY_LIMIT_ADDRESS":   "500/1s",
	"REDOUBT_GATEWAY_LIMIT_PRINCIPAL": "350/1s",
	"REDOUBT_GATEWAY_LIMIT_ROUTE":     "300/1s",
	"REDOUBT_GATEWAY_LIMIT_COST":      "1048576/1s",
	"REDOUBT_GATEWAY_CONCURRENCY":     "16",
}

// deniedAddress is on the deny list of a lab that is started to be attacked.
const deniedAddress = "127.0.0.66"

// setAttackLimits says so to the lab that is started next. It returns what takes the list away again.
func setAttackLimits() (undo func(), err error) {
	folder, err := os.MkdirTemp("", "redoubt-deny-")
	if err != nil {
		return nil, err
	}
	undo = func() { _ = os.RemoveAll(folder) }
	list := filepath.Join(folder, "deny.txt")
	if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // the gateway's user reads the list
		return undo, err
	}
	if err := os.WriteFile(list, []byte(deniedAddress+"/32\n"), 0o644); err != nil { //nolint:gosec // likewise
		return undo, err
	}
	for key, value := range attackSettings {
		if os.Getenv(key) == "" {
			err = os.Setenv(key, value)
		}
		if err != nil {
			return undo, err
		}
	}
	if os.Getenv("REDOUBT_GATEWAY_DENY_LIST") == "" {
		err = os.Setenv("REDOUBT_GATEWAY_DENY_LIST", list)
	}
	return undo, err
}

var addressPolicy = regexp.MustCompile(`"address";q=(\d+)`)

// mostLimited is the largest quota that a flood from one machine surely exceeds.
const mostLimited = 1000

// limited tells whether the lab's rate limits can be reached: by what the gateway says of itself. In a profile without any,
// there is nothing to reach, and a flood is let through.
func limited(ctx context.Context, s control.Status) bool {
	if p, err := controls.LookupProfile(s.Profile); err == nil && !p.Has(controls.EdgeLimitAddress) {
		return true
	}
	pem, err := os.ReadFile(s.CAFile)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return false
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.GatewayURL+"/v1/account", nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	found := addressPolicy.FindStringSubmatch(res.Header.Get("RateLimit-Policy"))
	if found == nil {
		return false
	}
	quota, err := strconv.Atoi(found[1])
	return err == nil && quota <= mostLimited
}
