package controlplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
)

// rotationTimeout bounds a rotation of the mesh's CA; its last step, which takes rights away again, has as long
// once more.
const rotationTimeout = time.Minute

// meshCA is one generation of the mesh's CA: where in Vault its root and its intermediate are.
type meshCA struct {
	Generation  int
	Root, Inter string
}

var firstMeshCA = meshCA{Generation: 1, Root: "connect-root", Inter: "connect-inter"}

// nextMeshCA lies in folders of its own, so that the operator's policy can name what it may do there.
func nextMeshCA(after int) meshCA {
	folder := fmt.Sprintf("mesh/%d/", after+1)
	return meshCA{Generation: after + 1, Root: folder + "root", Inter: folder + "inter"}
}

// policy is one of Consul's policies for this generation.
func (ca meshCA) policy(name string) (string, error) {
	text, err := declared.ReadFile("vault/policies/" + name + ".hcl")
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(firstMeshCA.Root, ca.Root, firstMeshCA.Inter, ca.Inter).Replace(string(text)), nil
}

// RotateMeshCA gives the mesh a new root and intermediate, with new keys. The old root signs the new one, so that
// leaves of either are good to everybody until all have heard of it; Consul goes on trusting the old root for
// as long as leaves under it may live. Consul has the rights for this only until it returns.
func (p *Plane) RotateMeshCA(ctx context.Context) (rootID string, err error) {
	p.meshCAMu.Lock()
	defer p.meshCAMu.Unlock()
	defer p.changes.begin()()
	ctx, cancel := context.WithTimeout(ctx, rotationTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("rotate the mesh's CA: %w", err)
		}
	}()
	operator, err := p.Operator(ctx)
	if err != nil {
		return "", err
	}
	// A failed rotation may have left its mounts behind, so a number is never used twice.
	old, next := p.meshCA, nextMeshCA(p.meshCATried)
	p.meshCATried = next.Generation
	text, err := render("vault/next-connect.yaml", next)
	if err != nil {
		return "", err
	}
	if err := applyText(ctx, operator, "vault/next-connect.yaml", text); err != nil {
		return "", err
	}
	if err := allowConsul(ctx, operator, old, next); err != nil {
		return "", err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rotationTimeout)
		defer cancel()
		err = errors.Join(err, allowConsul(ctx, operator, p.meshCA))
	}()
	err = p.AsConsulOperator(ctx, func(client *consul.Client) error {
		rootID, err = switchMeshCA(ctx, client, next)
		return err
	})
	if rootID != "" {
		p.meshCA = next
	}
	return rootID, err
}

// allowConsul gives Consul its rights on one generation, or on both while it goes from the first to the second.
func allowConsul(ctx context.Context, operator *vault.Client, generations ...meshCA) error {
	policy, err := consulPolicy(generations...)
	if err != nil {
		return err
	}
	if _, err = operator.Logical().WriteWithContext(ctx, "sys/policies/acl/consul", map[string]any{"policy": policy}); err != nil {
		return fmt.Errorf("write Consul's policy: %w", err)
	}
	return nil
}

func consulPolicy(generations ...meshCA) (string, error) {
	var all strings.Builder
	add := func(ca meshCA, policy string) error {
		text, err := ca.policy(policy)
		all.WriteString(text)
		return err
	}
	for _, ca := range generations {
		if err := add(ca, "consul"); err != nil {
			return "", err
		}
	}
	if len(generations) > 1 {
		if err := add(generations[0], "consul-rotation"); err != nil {
			return "", err
		}
	}
	return all.String(), nil
}

// switchMeshCA has Consul sign with another CA, and returns the ID of the root in force afterwards.
func switchMeshCA(ctx context.Context, client *consul.Client, to meshCA) (rootID string, err error) {
	roots, _, err := client.Connect().CARoots(consulRead(ctx))
	if err != nil {
		return "", fmt.Errorf("read the roots: %w", err)
	}
	before := roots.ActiveRootID
	config, _, err := client.Connect().CAGetConfig(consulRead(ctx))
	if err != nil {
		return "", fmt.Errorf("read the CA's configuration: %w", err)
	}
	config.Config["RootPKIPath"], config.Config["IntermediatePKIPath"] = to.Root+"/", to.Inter+"/"
	if _, err := client.Connect().CASetConfig(config, consulWrite(ctx)); err != nil {
		return "", fmt.Errorf("write the CA's configuration: %w", err)
	}
	roots, _, err = client.Connect().CARoots(consulRead(ctx))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the roots: %w", err)
	case roots.ActiveRootID == before:
		return "", errors.New("Consul has taken the configuration and kept its root")
	}
	return roots.ActiveRootID, nil
}
