package spiffe_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/spiffe"
)

const good = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/payments"

func TestParseRefuses(t *testing.T) {
	for name, uri := range map[string]string{
		"nothing":               "",
		"another scheme":        "https://a.consul/ns/default/dc/dc1/svc/payments",
		"scheme in capitals":    strings.Replace(good, "spiffe", "SPIFFE", 1),
		"no trust domain":       "spiffe:///ns/default/dc/dc1/svc/payments",
		"trust domain capitals": "spiffe://A.consul/ns/default/dc/dc1/svc/payments",
		"port":                  "spiffe://a.consul:80/ns/default/dc/dc1/svc/payments",
		"user info":             "spiffe://u@a.consul/ns/default/dc/dc1/svc/payments",
		"another namespace":     "spiffe://a.consul/ns/other/dc/dc1/svc/payments",
		"admin partition":       "spiffe://a.consul/ap/default/ns/default/dc/dc1/svc/payments",
		"an agent's ID":         "spiffe://a.consul/agent/client/dc/dc1/id/node",
		"no service":            "spiffe://a.consul/ns/default/dc/dc1/svc/",
		"no datacenter":         "spiffe://a.consul/ns/default/dc//svc/payments",
		"trailing slash":        good + "/",
		"query":                 good + "?a=b",
		"fragment":              good + "#a",
		"escape":                "spiffe://a.consul/ns/default/dc/dc1/svc/pay%6Dents",
		"escaped slash":         "spiffe://a.consul/ns/default/dc/dc1/svc/a%2Fsvc%2Fb",
		"dots":                  "spiffe://a.consul/ns/default/dc/dc1/svc/..",
		"not ASCII":             "spiffe://a.consul/ns/default/dc/dc1/svc/p\u0430yments",
		"line break":            good + "\n",
		"too long":              good + strings.Repeat("a", 2048),
	} {
		t.Run(name, func(t *testing.T) {
			id, err := spiffe.Parse(uri)
			require.Error(t, err)
			require.Zero(t, id)
		})
	}
}

func TestParse(t *testing.T) {
	id, err := spiffe.Parse(good)
	require.NoError(t, err)
	require.Equal(t, spiffe.ID{TrustDomain: "11111111-2222-3333-4444-555555555555.consul", Datacenter: "dc1", Service: "payments"}, id)
	require.Equal(t, good, id.String())
	require.Empty(t, spiffe.ID{}.String())
}

// What is accepted must come back byte for byte: no two texts may stand for one identity.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("spiffe://a/ns/default/dc/b/svc/c")
	f.Add("spiffe://a/ns/default/dc/b/svc/%63")
	f.Fuzz(func(t *testing.T, uri string) {
		if id, err := spiffe.Parse(uri); err == nil && id.String() != uri {
			t.Fatalf("%q came back as %q", uri, id)
		}
	})
}
