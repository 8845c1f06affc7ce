package controlplane

import (
	"context"
	"fmt"
	"slices"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/topology"
)

// applyConsul writes who may log in as what, and who may connect to whom. Applied again, it changes nothing.
func (p *Plane) applyConsul(ctx context.Context, client *consul.Client) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.applyAuth(ctx, client) })
	group.Go(func() error { return p.applyIntentions(ctx, client, p.cfg.Topology) })
	group.Go(func() error { return applyMeshTLS(ctx, client) })
	return group.Wait()
}

func (p *Plane) applyAuth(ctx context.Context, client *consul.Client) error {
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return applyPolicy(gctx, client, "operator") })
	group.Go(func() error { return applyPolicy(gctx, client, "apikeys") })
	group.Go(func() error { return p.applyAuthMethod(gctx, client) })
	if err := group.Wait(); err != nil {
		return err
	}
	rules, _, err := client.ACL().BindingRuleList(authMethod, consulRead(ctx))
	if err != nil {
		return fmt.Errorf("list Consul's binding rules: %w", err)
	}
	group, gctx = errgroup.WithContext(ctx)
	for _, want := range p.bindingRules() {
		if slices.ContainsFunc(rules, func(have *consul.ACLBindingRule) bool {
			return have.Selector == want.Selector && have.BindName == want.BindName
		}) {
			continue
		}
		group.Go(func() error {
			if _, _, err := client.ACL().BindingRuleCreate(want, consulWrite(gctx)); err != nil {
				return fmt.Errorf("make Consul's binding rule for %s: %w", want.BindName, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// bindingRules: a service's document gives the identity of just that service. Jobs get none: they have no part
// in the mesh.
func (p *Plane) bindingRules() []*consul.ACLBindingRule {
	rules := []*consul.ACLBindingRule{{
		AuthMethod: authMethod, Selector: subjectIs("operator"),
		BindType: consul.BindingRuleBindTypePolicy, BindName: "operator",
	}}
	if !p.IsShutOut("gateway") {
		rules = append(rules, &consul.ACLBindingRule{
			AuthMethod: authMethod, Selector: subjectIs("gateway"), BindType: consul.BindingRuleBindTypePolicy, BindName: "apikeys",
		})
	}
	for _, name := range p.cfg.Topology.Names() {
		if p.IsShutOut(name) {
			continue
		}
		rules = append(rules, &consul.ACLBindingRule{
			AuthMethod: authMethod, Selector: subjectIs(name),
			BindType: consul.BindingRuleBindTypeService, BindName: name,
		})
	}
	return rules
}

func subjectIs(name string) string { return fmt.Sprintf("value.subject == %q", name) }

func (p *Plane) authMethod() *consul.ACLAuthMethod {
	return &consul.ACLAuthMethod{
		Name: authMethod, Type: "jwt", MaxTokenTTL: tokenTTL, TokenLocality: "local",
		Description: "documents that the supervisor attests",
		Config: map[string]any{
			"JWTValidationPubKeys": []string{string(p.cfg.AttestKeyPEM)},
			"JWTSupportedAlgs":     []string{"ES256"},
			"BoundIssuer":          "redoubt-attest",
			"BoundAudiences":       []string{"consul"},
			"ClaimMappings":        map[string]string{"sub": "subject"},
			// No grace: issuer and verifier share a clock.
			"ExpirationLeeway": -1,
			"NotBeforeLeeway":  -1,
			"ClockSkewLeeway":  -1,
		},
	}
}

func (p *Plane) applyAuthMethod(ctx context.Context, client *consul.Client) error {
	have, _, err := client.ACL().AuthMethodList(consulRead(ctx))
	if err != nil {
		return fmt.Errorf("list Consul's auth methods: %w", err)
	}
	if slices.ContainsFunc(have, func(m *consul.ACLAuthMethodListEntry) bool { return m.Name == authMethod }) {
		return nil
	}
	if _, _, err := client.ACL().AuthMethodCreate(p.authMethod(), consulWrite(ctx)); err != nil {
		return fmt.Errorf("make Consul's auth method: %w", err)
	}
	return nil
}

func applyPolicy(ctx context.Context, client *consul.Client, name string) error {
	rules, err := render("consul/"+name+".hcl", nil)
	if err != nil {
		return err
	}
	have, _, err := client.ACL().PolicyList(consulRead(ctx))
	if err != nil {
		return fmt.Errorf("list Consul's policies: %w", err)
	}
	if slices.ContainsFunc(have, func(p *consul.ACLPolicyListEntry) bool { return p.Name == name }) {
		return nil
	}
	if _, _, err := client.ACL().PolicyCreate(&consul.ACLPolicy{Name: name, Rules: rules}, consulWrite(ctx)); err != nil {
		return fmt.Errorf("make Consul's policy %s: %w", name, err)
	}
	return nil
}

// applyIntentions lets the callers that the topology names connect; everyone else is denied by default.
func (p *Plane) applyIntentions(ctx context.Context, client *consul.Client, top *topology.Topology) error {
	have, _, err := client.ConfigEntries().List(consul.ServiceIntentions, consulRead(ctx))
	if err != nil {
		return fmt.Errorf("list intentions: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, destination := range top.Names() {
		callers := top.Callers(destination)
		same := func(e consul.ConfigEntry) bool { return e.GetName() == destination && sameSources(e, callers) }
		if len(callers) == 0 || slices.ContainsFunc(have, same) {
			continue
		}
		entry := &consul.ServiceIntentionsConfigEntry{Kind: consul.ServiceIntentions, Name: destination}
		for _, caller := range callers {
			entry.Sources = append(entry.Sources, &consul.SourceIntention{Name: caller, Action: consul.IntentionActionAllow})
		}
		group.Go(func() error {
			if _, _, err := client.ConfigEntries().Set(entry, consulWrite(ctx)); err != nil {
				return fmt.Errorf("write intentions of %s: %w", destination, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func sameSources(have consul.ConfigEntry, callers []string) bool {
	entry, ok := have.(*consul.ServiceIntentionsConfigEntry)
	if !ok {
		return false
	}
	var names []string
	for _, source := range entry.Sources {
		if source.Action != consul.IntentionActionAllow {
			return false
		}
		names = append(names, source.Name)
	}
	slices.Sort(names)
	return slices.Equal(names, callers)
}
