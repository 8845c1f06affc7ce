// Package dpop verifies proofs of possession (DPoP, RFC 9449): a token that was stolen is of no use without the key
// that it is bound to.
package dpop

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"redoubt.example/services/platform/fault"
)

const (
	// maxProof bounds the work that an unverified proof can cause: the largest RSA key accepted fits.
	maxProof = 4 << 10
	maxID    = 256
	// maxAge and maxAhead bound a proof's iat: how long it may be on its way, and how far a client's clock may be ahead.
	maxAge   = time.Minute
	maxAhead = 15 * time.Second
	minRSA   = 2048
	maxRSA   = 4096
)

// Algorithms that a proof may be signed with, for the challenge. Symmetric ones and none are no proof.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.EdDSA, jose.PS256, jose.RS256}

// The error codes of RFC 9449 sections 7.1 and 9, and RFC 6750's for a token and proof that don't belong together.
const (
	InvalidProof = "invalid_dpop_proof"
	UseNonce     = "use_dpop_nonce"
	InvalidToken = "invalid_token"
)

// Refusal is why a proof isn't accepted, for the client's developer.
type Refusal struct{ Code, Reason string }

func (r *Refusal) Error() string { return r.Reason }

// Config says what proofs must be for.
type Config struct {
	Origins []string // by which clients reach us, such as https://api.example:8443: what a proof for another server isn't
	Nonce   bool     // demand that proofs hold a nonce of ours: then none can be made ahead of time
}

// Verifier verifies proofs and remembers them until they would be too old. Safe for concurrent use.
type Verifier struct {
	origins map[string]bool
	nonces  *nonces
	seen    *replays
	now     func() time.Time
}

// New returns a verifier.
func New(cfg Config) (*Verifier, error) {
	v := &Verifier{origins: map[string]bool{}, seen: newReplays(), now: time.Now}
	for _, o := range cfg.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
			return nil, fmt.Errorf("%q is not an origin such as https://api.example:8443", o)
		}
		v.origins[origin(u)] = true
	}
	if cfg.Nonce {
		v.nonces = newNonces()
	}
	return v, nil
}

// Request is what a proof must be for.
type Request struct {
	Method, Path string // the path as it was sent
	Proofs       []string
	Token        string // the access token
	Key          string // its cnf.jkt: the thumbprint of the key that it is bound to
}

// claims of a proof, section 4.2.
type claims struct {
	ID     string      `json:"jti"`
	Method string      `json:"htm"`
	URI    string      `json:"htu"`
	Issued json.Number `json:"iat"`
	Token  string      `json:"ath"`
	Nonce  string      `json:"nonce"`
}

// Verify makes the checks of RFC 9449 section 4.3. The error is a *Refusal, or fault.Unavailable when no more proofs
// can be remembered.
func (v *Verifier) Verify(r Request) error {
	if len(r.Proofs) != 1 {
		return &Refusal{InvalidProof, "exactly one DPoP proof is needed"}
	}
	c, key, err := open(r.Proofs[0])
	if err != nil {
		return err
	}
	now := v.now()
	if err := v.check(c, r, now); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(key), []byte(r.Key)) != 1 {
		return &Refusal{InvalidToken, "the access token is bound to another key"}
	}
	switch fresh, full := v.seen.add(key, c.ID, now); {
	case full:
		return fault.RetryAfter(fault.New(fault.Unavailable, "too many DPoP proofs at once"), maxAge)
	case !fresh:
		return &Refusal{InvalidProof, "the DPoP proof was used before"}
	}
	return nil
}

// open returns the claims of a proof that is signed with the key that it brings along, and that key's thumbprint (RFC 7638).
func open(raw string) (claims, string, error) {
	var c claims
	if len(raw) > maxProof {
		return c, "", &Refusal{InvalidProof, "the DPoP proof is too long"}
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return c, "", &Refusal{InvalidProof, "the DPoP proof is malformed, or signed with an algorithm that isn't accepted"}
	}
	header := signed.Signatures[0].Protected
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(typ, "dpop+jwt") {
		return c, "", &Refusal{InvalidProof, "the DPoP proof's typ isn't dpop+jwt"}
	}
	key := header.JSONWebKey
	if err := checkKey(key); err != nil {
		return c, "", &Refusal{InvalidProof, err.Error()}
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return c, "", &Refusal{InvalidProof, "the DPoP proof's signature doesn't verify"}
	}
	if json.Unmarshal(payload, &c) != nil {
		return c, "", &Refusal{InvalidProof, "the DPoP proof's claims are malformed"}
	}
	sum, err := thumbprint(key)
	if err != nil {
		return c, "", &Refusal{InvalidProof, "the DPoP proof's key is malformed"}
	}
	return c, sum, nil
}

func checkKey(key *jose.JSONWebKey) error {
	if key == nil || !key.Valid() {
		return errors.New("the DPoP proof holds no key")
	}
	if !key.IsPublic() {
		return errors.New("the DPoP proof holds a private key")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && (k.N.BitLen() < minRSA || k.N.BitLen() > maxRSA) {
		return fmt.Errorf("the DPoP proof's RSA key isn't of %d to %d bits", minRSA, maxRSA)
	}
	return nil
}

func (v *Verifier) check(c claims, r Request, now time.Time) error {
	issued, err := c.Issued.Int64()
	switch at := time.Unix(issued, 0); {
	case c.ID == "" || len(c.ID) > maxID:
		return &Refusal{InvalidProof, "the DPoP proof has no jti, or one that is far too long"}
	case c.Method != r.Method:
		return &Refusal{InvalidProof, "the DPoP proof is for another method"}
	case !v.isFor(c.URI, r.Path):
		return &Refusal{InvalidProof, "the DPoP proof is for another URI"}
	case err != nil, issued < 0, now.Sub(at) > maxAge, at.Sub(now) > maxAhead:
		return &Refusal{InvalidProof, "the DPoP proof was not made just now"}
	case subtle.ConstantTimeCompare([]byte(c.Token), []byte(hash(r.Token))) != 1:
		return &Refusal{InvalidProof, "the DPoP proof is for another access token"}
	case v.nonces != nil && !v.nonces.good(c.Nonce, now):
		return &Refusal{UseNonce, "the DPoP proof needs the nonce that this answer holds"}
	}
	return nil
}

// isFor compares without query and fragment, after the normalisation of scheme and authority that RFC 3986 section 6.2
// asks for. The host that a request names isn't asked: whoever relays a proof can choose it.
func (v *Verifier) isFor(uri, path string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.User == nil && u.Opaque == "" && v.origins[origin(u)] && u.EscapedPath() == path
}

func origin(u *url.URL) string {
	return strings.ToLower(u.Scheme) + "://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

// Nonce returns the one that the client's next proof should hold, or "" if none is asked for.
func (v *Verifier) Nonce() string {
	if v.nonces == nil {
		return ""
	}
	return v.nonces.make(v.now())
}

// Challenge is the WWW-Authenticate field, section 7.1. r may be nil: no token was sent.
func Challenge(r *Refusal) string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	text := `DPoP realm="redoubt", algs="` + strings.Join(names, " ") + `"`
	if r != nil {
		text += fmt.Sprintf(`, error=%q, error_description=%q`, r.Code, r.Reason)
	}
	return text
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
