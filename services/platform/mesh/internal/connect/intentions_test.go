package connect_test

import (
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/spiffe"
)

// Each list is as Consul sends it: by precedence.
func TestDenied(t *testing.T) {
	intention := func(source string, action api.IntentionAction, change ...func(*api.Intention)) *api.Intention {
		i := &api.Intention{SourceNS: "default", SourceName: source, DestinationNS: "default", DestinationName: "payments", Action: action}
		for _, c := range change {
			c(i)
		}
		return i
	}
	allow, deny := api.IntentionActionAllow, api.IntentionActionDeny
	caller := spiffe.ID{TrustDomain: "a.consul", Datacenter: "dc1", Service: "ingestion"}
	for name, c := range map[string]struct {
		intentions []*api.Intention
		denied     string
	}{
		"none":                  {nil, "no intention allows it"},
		"another's":             {[]*api.Intention{intention("gateway", allow)}, "no intention allows it"},
		"a prefix of the name":  {[]*api.Intention{intention("ingest", allow)}, "no intention allows it"},
		"deny":                  {[]*api.Intention{intention("ingestion", deny)}, "an intention denies it"},
		"deny before allow all": {[]*api.Intention{intention("ingestion", deny), intention("*", allow)}, "an intention denies it"},
		"deny all":              {[]*api.Intention{intention("*", deny)}, "an intention denies it"},
		"no action":             {[]*api.Intention{intention("ingestion", "")}, "an intention denies it"},
		"L7 permissions": {[]*api.Intention{intention("ingestion", "", func(i *api.Intention) {
			i.Permissions = []*api.IntentionPermission{{Action: allow}}
		})}, "the intention has permissions per request, which need an HTTP proxy"},
		"a peer's": {[]*api.Intention{intention("ingestion", allow, func(i *api.Intention) { i.SourcePeer = "other" })},
			"no intention allows it"},
		"another partition's": {[]*api.Intention{intention("ingestion", allow, func(i *api.Intention) { i.SourcePartition = "other" })},
			"no intention allows it"},
		"another namespace's": {[]*api.Intention{intention("ingestion", allow, func(i *api.Intention) { i.SourceNS = "other" })},
			"no intention allows it"},
		"a sameness group's": {[]*api.Intention{intention("ingestion", allow, func(i *api.Intention) { i.SourceSamenessGroup = "g" })},
			"no intention allows it"},

		"allow":                 {[]*api.Intention{intention("ingestion", allow)}, ""},
		"allow before deny all": {[]*api.Intention{intention("ingestion", allow), intention("*", deny)}, ""},
		"allow all":             {[]*api.Intention{intention("*", allow)}, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.denied, connect.Denied(c.intentions, caller)) })
	}
}
