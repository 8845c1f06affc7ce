package controlplane

import (
	"context"
	"fmt"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
)

// consulDrift: intentions, other rules of who reaches whom, registered names, and what logins and tokens give.
func (p *Plane) consulDrift(ctx context.Context) ([]Difference, error) {
	client, err := p.looker.consulAs(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, look := range []func(context.Context, *consul.Client) ([]Difference, error){
		p.intentionDrift, configDrift, p.nameDrift, p.aclPolicyDrift, p.bindingDrift, p.authMethodDrift, tokenDrift,
	} {
		found, err := look(ctx, client)
		if err != nil {
			return nil, p.looker.forgetOn(fmt.Errorf("ask Consul: %w", err))
		}
		all = append(all, found...)
	}
	return all, nil
}

func (p *Plane) intentionDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	entries, _, err := client.ConfigEntries().List(consul.ServiceIntentions, consulRead(ctx))
	if err != nil {
		return nil, err
	}
	missing := map[[2]string]bool{} // caller, callee
	for _, callee := range p.cfg.Topology.Names() {
		for _, caller := range p.cfg.Topology.Callers(callee) {
			missing[[2]string{caller, callee}] = !p.IsShutOut(caller) && !p.IsShutOut(callee)
		}
	}
	add := func(source *consul.SourceIntention, callee, format string, args ...any) {
		pair := callerOf(source) + " -> " + callee
		found = append(found, Difference{Server: Consul, Kind: "intention", Name: pair, Wider: true, Found: pair + ": " + fmt.Sprintf(format, args...),
			Mend: "delete the intention, or list the caller in infra/topology/topology.yaml"})
	}
	for _, entry := range entries {
		intentions, ok := entry.(*consul.ServiceIntentionsConfigEntry)
		if !ok {
			continue
		}
		for _, source := range intentions.Sources {
			pair := [2]string{callerOf(source), intentions.Name}
			allowed, declared := missing[pair]
			switch {
			case source.Action == consul.IntentionActionAllow && allowed:
				missing[pair] = false
			case source.Action == consul.IntentionActionDeny:
				// Stricter, or a service that is shut out. What it lacks is said below.
			case len(source.Permissions) > 0:
				add(source, intentions.Name, "allowed for some requests, and the data plane knows no such rule")
			case declared && (p.IsShutOut(pair[0]) || p.IsShutOut(pair[1])):
				add(source, intentions.Name, "allowed, though one of them is shut out")
			case !declared:
				add(source, intentions.Name, "allowed, and topology.yaml doesn't list this caller")
			}
		}
	}
	for pair, lacks := range missing {
		if lacks {
			name := pair[0] + " -> " + pair[1]
			found = append(found, Difference{Server: Consul, Kind: "intention", Name: name, Found: name + ": not allowed, though topology.yaml lists this caller",
				Mend: "write the intention again, or take the caller out of infra/topology/topology.yaml"})
		}
	}
	return found, nil
}

// callerOf names the source of an intention. One of another cluster is none of our services, whatever it is called.
func callerOf(s *consul.SourceIntention) string {
	if elsewhere := s.Peer + s.SamenessGroup; elsewhere != "" {
		return elsewhere + "/" + s.Name
	}
	return s.Name
}

// notApplied are the kinds of rules by which Consul leads requests elsewhere or lets others in, and of which we write none.
var notApplied = []string{
	consul.ServiceDefaults, consul.ProxyDefaults, consul.ServiceRouter, consul.ServiceSplitter, consul.ServiceResolver, consul.IngressGateway,
	consul.TerminatingGateway, consul.ExportedServices, consul.APIGateway, consul.TCPRoute, consul.HTTPRoute, consul.JWTProvider,
}

func configDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	for _, kind := range notApplied {
		entries, _, err := client.ConfigEntries().List(kind, consulRead(ctx))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			found = append(found, Difference{Server: Consul, Kind: kind, Name: entry.GetName(), Wider: true,
				Found: fmt.Sprintf("there is a %s of %s, and none is declared: it may lead requests elsewhere", kind, entry.GetName()), Mend: "delete it"})
		}
	}
	return found, nil
}

// nameDrift: names in the catalog. Whether an instance is who it says is for who knows the processes.
func (p *Plane) nameDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	services, _, err := client.Catalog().Services(consulRead(ctx))
	if err != nil {
		return nil, err
	}
	for name := range services {
		if service := strings.TrimSuffix(name, "-sidecar-proxy"); name != "consul" && p.cfg.Topology.Services[service] == nil {
			found = append(found, Difference{Server: Consul, Kind: "service", Name: name, Wider: true,
				Found: name + " is registered in Consul, and topology.yaml has no such service", Mend: "deregister it, and find out who did that"})
		}
	}
	return found, nil
}

func (p *Plane) aclPolicyDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	list, _, err := client.ACL().PolicyList(consulRead(ctx))
	if err != nil {
		return nil, err
	}
	declared := map[string]string{"global-management": "", "builtin/global-read-only": ""} // Consul's own, and fixed
	for _, name := range []string{"operator", "apikeys"} {
		if declared[name], err = render("consul/"+name+".hcl", nil); err != nil {
			return nil, err
		}
	}
	if p.off(Catalog) {
		declared[anyService] = ""
	}
	add := func(name string, wider bool, format string) {
		found = append(found, Difference{Server: Consul, Kind: "policy", Name: name, Wider: wider, Found: fmt.Sprintf(format, name),
			Mend: "make it what infra/controlplane/consul has"})
	}
	for _, entry := range list {
		want, ok := declared[entry.Name]
		delete(declared, entry.Name)
		if !ok {
			add(entry.Name, true, "Consul has a policy %s that isn't declared")
			continue
		}
		if want == "" {
			continue
		}
		have, _, err := client.ACL().PolicyRead(entry.ID, consulRead(ctx))
		if err != nil {
			return nil, err
		}
		if have.Rules != want {
			add(entry.Name, true, "Consul's policy %s isn't the declared one")
		}
	}
	for name, want := range declared {
		if want != "" {
			add(name, false, "Consul lacks the policy %s")
		}
	}
	return found, nil
}

// bindingDrift: who gets what by logging in.
func (p *Plane) bindingDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	have, _, err := client.ACL().BindingRuleList("", consulRead(ctx))
	if err != nil {
		return nil, err
	}
	same := func(a, b *consul.ACLBindingRule) bool {
		return a.AuthMethod == b.AuthMethod && a.Selector == b.Selector && a.BindType == b.BindType && a.BindName == b.BindName
	}
	want := p.bindingRules()
	if p.off(Catalog) {
		want = append(want, &consul.ACLBindingRule{AuthMethod: authMethod, BindType: consul.BindingRuleBindTypePolicy, BindName: anyService})
	}
	add := func(rule *consul.ACLBindingRule, wider bool, format string) {
		who := "whoever"
		if rule.Selector != "" {
			who = "who has " + rule.Selector
		}
		found = append(found, Difference{Server: Consul, Kind: "binding rule", Name: rule.BindName, Wider: wider,
			Found: fmt.Sprintf(format, who, rule.BindType, rule.BindName), Mend: "delete the rule, or restart the lab"})
	}
	for _, rule := range have {
		if !slices.ContainsFunc(want, func(w *consul.ACLBindingRule) bool { return same(rule, w) }) {
			add(rule, true, "%s and logs in to Consul gets the %s %s, which isn't declared")
		}
	}
	for _, rule := range want {
		if !slices.ContainsFunc(have, func(h *consul.ACLBindingRule) bool { return same(rule, h) }) {
			add(rule, false, "%s and logs in to Consul doesn't get the %s %s")
		}
	}
	return found, nil
}

// authMethodDrift: whose documents are believed.
func (p *Plane) authMethodDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	methods, _, err := client.ACL().AuthMethodList(consulRead(ctx))
	if err != nil {
		return nil, err
	}
	for _, m := range methods {
		have, _, err := client.ACL().AuthMethodRead(m.Name, consulRead(ctx))
		if err != nil {
			return nil, err
		}
		says := ""
		if m.Name != authMethod {
			says = "Consul has an auth method %s that isn't declared"
		} else if want := p.authMethod(); have == nil || have.MaxTokenTTL != want.MaxTokenTTL || !same(want.Config, have.Config) {
			says = "Consul's auth method %s isn't the declared one: others may be believed than the attestor"
		}
		if says != "" {
			found = append(found, Difference{Server: Consul, Kind: "auth method", Name: m.Name, Wider: true, Found: fmt.Sprintf(says, m.Name), Mend: "restart the lab"})
		}
	}
	return found, nil
}

// tokenDrift: tokens that no login gave. Consul's own node has one, and nobody else needs any.
func tokenDrift(ctx context.Context, client *consul.Client) (found []Difference, err error) {
	tokens, _, err := client.ACL().TokenList(consulRead(ctx))
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		ours := t.AuthMethod == authMethod || len(t.NodeIdentities) == 1 && len(t.Policies)+len(t.Roles)+len(t.ServiceIdentities)+len(t.TemplatedPolicies) == 0
		nobody := len(t.Policies)+len(t.Roles)+len(t.ServiceIdentities)+len(t.NodeIdentities)+len(t.TemplatedPolicies) == 0
		if ours || nobody {
			continue
		}
		found = append(found, Difference{Server: Consul, Kind: "token", Name: t.AccessorID, Wider: true,
			Found: fmt.Sprintf("Consul has a token %s that nobody got by logging in", t.AccessorID), Mend: "lab revoke token " + t.AccessorID})
	}
	return found, nil
}
