package workload

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/policy"
)

// policyKey is Vault's transit key that policy bundles are signed with.
const policyKey = "policy"

// followPolicy takes the policy from the published bundle, and each one that is published later; until a good one
// was loaded the workload isn't ready and denies everything.
func (w *Workload) followPolicy(ctx context.Context) {
	if w.Config.PolicyFile != "" {
		var follower *policy.Follower
		w.Policy, follower = policy.Follow(w.Config.Name, policy.Source{
			Path: w.Config.PolicyFile, Keys: w.Vault.Transit(policyKey).PublicKey, Log: w.Log,
		})
		follower.Refresh(ctx)
		w.Go("policy", follower.Run)
		w.Ready("policy", w.Policy.Ready)
	}
	w.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "redoubt_policy_revision",
		Help: "Revision of the policy bundle in force; 0 for the rules compiled in, -1 for none.",
	}, func() float64 { return float64(w.Policy.Revision()) }))
}
