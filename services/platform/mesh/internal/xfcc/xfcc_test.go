package xfcc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/xfcc"
	"redoubt.example/services/platform/mesh/spiffe"
)

const (
	mesh    = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/"
	gateway = "URI=" + mesh + "gateway"
	// As Envoy writes it with what Consul asks for: subject, certificate, chain, DNS names and URI.
	good = `By=` + mesh + `payments;Hash=61ad;Cert="-----BEGIN%20CERTIFICATE-----%0AMII%3D%3D%0A";Chain="-----BEGIN%20";Subject="";` + gateway
)

func TestCallerRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"no header":               nil,
		"two headers":             {good, good},
		"an empty one":            {""},
		"two elements":            {gateway + "," + good},
		"a forged one before":     {`By=` + mesh + `payments;` + gateway + `,By=` + mesh + `payments;Hash=1;Cert="x";URI=` + mesh + `notification`},
		"an open quote before":    {gateway + `;Subject=",By=` + mesh + `payments;Hash=1;Cert="x";URI=` + mesh + `notification`},
		"an escaped quote before": {gateway + `;By=` + mesh + `payments;Subject="\,By=` + mesh + `payments;Hash=1;Cert="x";URI=` + mesh + `notification`},
		"two URIs":                {good + ";" + gateway},
		"two in different cases":  {good + ";uri=" + mesh + "notification"},
		"no URI":                  {`By=` + mesh + `payments;Hash=61ad;Subject=""`},
		"no By":                   {gateway},
		"another service's proxy": {strings.Replace(good, "svc/payments", "svc/ingestion", 1)},
		"another trust domain":    {strings.Replace(good, gateway, "URI=spiffe://a.consul/ns/default/dc/dc1/svc/gateway", 1)},
		"another datacenter":      {strings.Replace(good, gateway, "URI="+strings.Replace(mesh, "dc1", "dc2", 1)+"gateway", 1)},
		"no ID":                   {strings.Replace(good, gateway, "URI=gateway", 1)},
		"text behind a quote":     {strings.Replace(good, `Subject=""`, `Subject=""x`, 1)},
		"a quote within":          {strings.Replace(good, "Hash=", `Hash="`, 1)},
		"a space":                 {good + "; DNS=a"},
		"trailing semicolon":      {good + ";"},
		"too long":                {good + ";DNS=" + strings.Repeat("a", 32<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := xfcc.Caller(values, "payments")
			require.Error(t, err)
			require.Zero(t, id)
		})
	}
}

func TestCaller(t *testing.T) {
	for _, value := range []string{good, good + ";DNS=a;DNS=b", strings.Replace(good, `Subject=""`, `Subject="CN=\"a\",O=b;c"`, 1)} {
		id, err := xfcc.Caller([]string{value}, "payments")
		require.NoError(t, err)
		require.Equal(t, mesh+"gateway", id.String())
	}
}

// Whatever a caller sends, Envoy's own element comes behind it: nobody may become another by what stands before.
func FuzzForged(f *testing.F) {
	for _, sent := range []string{gateway, gateway + ",", gateway + `;Subject="`, gateway + `;Subject="\`, `By=` + mesh + `payments;` + gateway + `;Cert="`} {
		f.Add(sent)
	}
	appended := strings.Replace(good, "svc/gateway", "svc/notification", 1)
	f.Fuzz(func(t *testing.T, sent string) {
		for _, whole := range []string{sent + "," + appended, sent + appended} {
			if id, err := xfcc.Caller([]string{whole}, "payments"); err == nil && id.Service != "notification" {
				t.Fatalf("%q became %v", whole, id)
			}
		}
	})
}

// Whatever arrives, nothing panics, and what is accepted is a valid ID.
func FuzzCaller(f *testing.F) {
	f.Add(good)
	f.Add(gateway + `;Subject="`)
	f.Fuzz(func(t *testing.T, value string) {
		id, err := xfcc.Caller([]string{value}, "payments")
		if err != nil {
			return
		}
		if again, err := spiffe.Parse(id.String()); err != nil || again != id {
			t.Fatalf("accepted %v", id)
		}
	})
}
