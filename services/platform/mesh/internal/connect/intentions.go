package connect

import (
	"context"
	"fmt"

	"github.com/hashicorp/consul/api"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/spiffe"
)

func (c *Client) watchIntentions(ctx context.Context) {
	c.watch(ctx, "intentions", func(q *api.QueryOptions) (*api.QueryMeta, error) {
		matches, meta, err := c.http.Connect().IntentionMatch(
			&api.IntentionMatch{By: api.IntentionMatchDestination, Names: []string{c.cfg.Service}}, q)
		if err != nil {
			return nil, fmt.Errorf("watch intentions: %w", err)
		}
		c.intentions.store(matches[c.cfg.Service])
		return meta, nil
	})
}

// IntentionsChanged returns a channel that closes when other intentions are in force than at the call.
func (c *Client) IntentionsChanged() <-chan struct{} {
	_, _, changed := c.intentions.load()
	return changed
}

// Authorize tells whether the caller may connect to this workload. The error is a *identity.Refusal:
// deny is the default, and as long as no intentions are known everything is denied.
func (c *Client) Authorize(caller spiffe.ID) error {
	if !controls.On(controls.MeshIntention) {
		return nil
	}
	intentions, known, _ := c.intentions.load()
	if !known {
		return &identity.Refusal{Control: controls.MeshIntention, Reason: "no intentions known yet", Caller: caller}
	}
	if reason := Denied(intentions, caller); reason != "" {
		return &identity.Refusal{Control: controls.MeshIntention, Reason: reason, Caller: caller}
	}
	return nil
}

// Denied says why intentions don't let a caller in; "" when they do. It follows Consul's own evaluation:
// they come sorted by precedence and the first whose source matches decides. One with L7 permissions speaks
// about requests, which a layer 4 proxy doesn't see, so it denies.
func Denied(intentions []*api.Intention, caller spiffe.ID) (reason string) {
	for _, i := range intentions {
		if !sourceMatches(i, caller) {
			continue
		}
		switch {
		case len(i.Permissions) > 0:
			return "the intention has permissions per request, which need an HTTP proxy"
		case i.Action != api.IntentionActionAllow:
			return "an intention denies it"
		}
		return ""
	}
	return "no intention allows it"
}

// sourceMatches is for callers of the own cluster only: a source behind a peering, in a sameness group or
// in another partition is never a caller whose certificate our roots verify.
func sourceMatches(i *api.Intention, caller spiffe.ID) bool {
	const any = "*"
	return i.SourcePeer == "" && i.SourceSamenessGroup == "" &&
		(i.SourcePartition == "" || i.SourcePartition == "default") &&
		(i.SourceNS == "" || i.SourceNS == "default" || i.SourceNS == any) &&
		(i.SourceName == caller.Service || i.SourceName == any)
}
