package policy

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/controls"
)

// Bundle is what is published: every service's rules and data. A service that loads it takes its own part.
type Bundle struct {
	Revision int64             `json:"revision"` // grows with each publication, so that an old bundle can't come back
	Created  time.Time         `json:"created"`
	Files    map[string]string `json:"files"` // rules, by file name
	Services map[string]Routes `json:"services"`
}

// NewBundle makes a bundle of rule files, tests not among them, with a topology for data.
func NewBundle(files map[string]string, top *topology.Topology) (Bundle, error) {
	now := time.Now()
	b := Bundle{Revision: now.UnixMicro(), Created: now.UTC(), Files: files, Services: map[string]Routes{}}
	for _, name := range top.Names() {
		routes, err := RoutesOf(name, top)
		if err != nil {
			return Bundle{}, err
		}
		b.Services[name] = routes
	}
	return b, nil
}

// Check compiles the bundle for every service in it, as each will.
func (b Bundle) Check(ctx context.Context) error {
	names := make([]string, 0, len(b.Services))
	for name := range b.Services {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(names) == 0 {
		return errors.New("the bundle is for no service")
	}
	for _, name := range names {
		if _, err := prepare(ctx, name, b.Files, b.Services[name]); err != nil {
			return err
		}
	}
	return nil
}

// payloadType names what is signed, so that a signature over something else is never one over a policy.
const payloadType = "application/vnd.redoubt.policy+json"

// maxSealed bounds what an unverified file can make us read.
const maxSealed = 1 << 20

// envelope is a Dead Simple Signing Envelope (DSSE v1.0.2).
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"` // "policy:v<version>" of Vault's transit key
	Sig   []byte `json:"sig"`
}

// Signer signs with Ed25519 and tells the version of its key.
type Signer func(ctx context.Context, message []byte) (signature []byte, version int, err error)

// Seal has the bundle signed.
func (b Bundle) Seal(ctx context.Context, sign Signer) ([]byte, error) {
	payload, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("seal policy bundle: %w", err)
	}
	sig, version, err := sign(ctx, preAuthentication(payload))
	if err != nil {
		return nil, fmt.Errorf("seal policy bundle: %w", err)
	}
	sealed, err := json.Marshal(envelope{PayloadType: payloadType, Payload: payload, Signatures: []signature{{keyID(version), sig}}})
	if err == nil && len(sealed) > maxSealed {
		err = fmt.Errorf("%d bytes is more than a bundle may have", len(sealed))
	}
	if err != nil {
		return nil, fmt.Errorf("seal policy bundle: %w", err)
	}
	return sealed, nil
}

// ErrUnknownKey is the error of a bundle that was signed by a key that isn't among those given.
var ErrUnknownKey = errors.New("signed by an unknown key")

// OpenBundle verifies a sealed bundle, by the public key of each version, before it reads any of it.
func OpenBundle(sealed []byte, keys map[int]ed25519.PublicKey) (Bundle, error) {
	var e envelope
	if len(sealed) > maxSealed {
		return Bundle{}, errors.New("open policy bundle: too large")
	}
	if err := json.Unmarshal(sealed, &e); err != nil {
		return Bundle{}, fmt.Errorf("open policy bundle: %w", err)
	}
	if controls.On(controls.AppPolicyBundle) {
		if err := e.verify(keys); err != nil {
			return Bundle{}, fmt.Errorf("open policy bundle: %w", err)
		}
	}
	var b Bundle
	if err := json.Unmarshal(e.Payload, &b); err != nil {
		return Bundle{}, fmt.Errorf("open policy bundle: %w", err)
	}
	return b, nil
}

func (e envelope) verify(keys map[int]ed25519.PublicKey) error {
	if e.PayloadType != payloadType {
		return errors.New("its payload isn't a policy")
	}
	if len(e.Signatures) != 1 {
		return errors.New("it must have exactly one signature")
	}
	key := ed25519.PublicKey(nil)
	for version, public := range keys {
		if keyID(version) == e.Signatures[0].KeyID {
			key = public
		}
	}
	if key == nil {
		return ErrUnknownKey
	}
	if !ed25519.Verify(key, preAuthentication(e.Payload), e.Signatures[0].Sig) {
		return errors.New("the signature doesn't verify")
	}
	return nil
}

func keyID(version int) string { return fmt.Sprintf("policy:v%d", version) }

// preAuthentication is DSSE's PAE: what is signed covers the type, and can't be read in two ways.
func preAuthentication(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}
