package accesstoken

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"redoubt.example/services/platform/controls"
)

// issuer is what OpenID Connect Discovery said of it, and its keys.
type issuer struct {
	algorithms []jose.SignatureAlgorithm
	keys       *keySet
	verified   verified
	name       func(claims []byte) string
}

// discover reads the issuer's discovery document and its keys.
func discover(ctx context.Context, cfg Config) (*issuer, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, cfg.Client), cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover token issuer: %w", err)
	}
	var document struct {
		KeysURL    string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, fmt.Errorf("discover token issuer: %w", err)
	}
	var algorithms []jose.SignatureAlgorithm
	for _, a := range asymmetric {
		if slices.Contains(document.Algorithms, string(a)) {
			algorithms = append(algorithms, a)
		}
	}
	if len(algorithms) == 0 {
		return nil, errors.New("discover token issuer: it publishes no asymmetric signing algorithm")
	}
	if u, err := url.Parse(document.KeysURL); err != nil || u.Scheme != "https" {
		return nil, errors.New("discover token issuer: its jwks_uri isn't https")
	}
	keys := newKeySet(document.KeysURL, cfg.Client)
	if err := keys.refresh(ctx); err != nil {
		return nil, err
	}
	issuer := &issuer{algorithms: algorithms, keys: keys, name: cfg.Name}
	if issuer.name == nil {
		issuer.name = func([]byte) string { return "" }
	}
	return issuer, nil
}

// open returns the payload of a token that the issuer signed, and the token's name.
func (i *issuer) open(ctx context.Context, raw string) (payload []byte, name string, err error) {
	if !controls.On(controls.EdgeSignature) {
		payload, err = unverified(raw)
		return payload, i.name(payload), err
	}
	defer controls.Begin(ctx, controls.EdgeSignature).End()
	if len(raw) > maxLength {
		return nil, "", &Refusal{controls.EdgeSignature, "the access token is too long"}
	}
	known := i.keys.known.Load()
	if t, ok := i.verified.get(raw, known); ok {
		return t.payload, t.name, nil
	}
	// The parser refuses what isn't in the list, "none" and HS* among it, before any key is looked at.
	signed, err := jose.ParseSignedCompact(raw, i.algorithms)
	if err != nil {
		return nil, "", unreadable(err)
	}
	header := signed.Signatures[0].Protected
	key, ok := i.keys.get(ctx, header.KeyID)
	if !ok {
		return nil, "", &Refusal{controls.EdgeSignature, "the access token is signed with an unknown key"}
	}
	if key.Algorithm != "" && key.Algorithm != header.Algorithm {
		return nil, "", &Refusal{controls.EdgeSignature, "the access token's algorithm isn't its key's"}
	}
	payload, err = signed.Verify(key) // by our copy of the key; a key that the token brings along is never used
	if err != nil {
		return nil, "", &Refusal{controls.EdgeSignature, "the access token's signature doesn't verify"}
	}
	name = i.name(payload)
	i.verified.put(raw, known, opened{payload, name})
	return payload, name, nil
}

// unreadable is the refusal of what the parser doesn't take. A token without a signature, or with another kind of one, is no client's
// mistake: that is for whoever reads the record.
func unreadable(err error) *Refusal {
	var other *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case !errors.As(err, &other):
		return &Refusal{controls.EdgeSignature, "the access token is malformed"}
	case strings.EqualFold(string(other.Got), "none"):
		return &Refusal{controls.EdgeSignature, "the access token isn't signed"}
	}
	return &Refusal{controls.EdgeSignature, "the access token is signed with an algorithm that isn't accepted"}
}

// unverified returns what a token says of itself, whatever its header and signature: edge.jwt.signature is off.
func unverified(raw string) ([]byte, error) {
	_, rest, _ := strings.Cut(raw, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, &Refusal{controls.EdgeToken, "the access token can't be read"}
	}
	return payload, nil
}
