package authn

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"redoubt.example/services/platform/fault"
)

// rotateEvery is how long a signing key is used. Its successor is published one period ahead, so that
// verifiers already know a key when the first token signed by it arrives.
const rotateEvery = time.Hour

// Grant is what a transaction is allowed, as the transaction token service decided it.
type Grant struct {
	Txn       string // unique to the transaction
	Subject   string
	Scopes    []string
	Entry     string // the edge route that the transaction begins at, as topology.yaml writes it
	Requester string // SPIFFE ID of the workload that starts the transaction
	Client    string // optional
}

// Minter signs transaction tokens. Its keys live in memory only: a restart makes new ones, and the tokens of
// the old ones expire within Lifetime. Safe for concurrent use.
type Minter struct {
	trustDomain string

	mu        sync.RWMutex
	current   signingKey
	next      signingKey
	previous  *jose.JSONWebKey // still published until its last token has expired
	rotatedAt time.Time
}

type signingKey struct {
	signer jose.Signer
	public jose.JSONWebKey
}

// NewMinter returns a minter for a trust domain, with fresh keys.
func NewMinter(trustDomain string) (*Minter, error) {
	if trustDomain == "" {
		return nil, errors.New("mint transaction tokens: no trust domain")
	}
	current, err := newSigningKey()
	if err != nil {
		return nil, err
	}
	next, err := newSigningKey()
	if err != nil {
		return nil, err
	}
	return &Minter{trustDomain: trustDomain, current: current, next: next, rotatedAt: time.Now()}, nil
}

// Mint returns a signed token for the grant.
func (m *Minter) Mint(g Grant) (string, error) {
	if g.Txn == "" || g.Subject == "" || g.Requester == "" || g.Entry == "" || len(g.Scopes) == 0 {
		return "", errors.New("mint transaction token: txn, subject, requester, entry and a scope are needed")
	}
	key, err := m.key()
	if err != nil {
		return "", err
	}
	now := time.Now()
	body, err := json.Marshal(claims{
		Issuer: issuer(m.trustDomain), Audience: m.trustDomain,
		Txn: g.Txn, Subject: g.Subject, Scope: strings.Join(g.Scopes, " "),
		Requester: g.Requester, Client: g.Client, Context: tctx{Entry: g.Entry},
		IssuedAt: now.Unix(), Expires: now.Add(Lifetime).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("encode transaction token: %w", err)
	}
	signed, err := key.signer.Sign(body)
	if err != nil {
		return "", fmt.Errorf("sign transaction token: %w", err)
	}
	return signed.CompactSerialize()
}

// PublicKeys returns the JWK Set (RFC 7517) that verifies this minter's tokens: the keys in use, next and,
// for as long as its tokens live, previous.
func (m *Minter) PublicKeys() ([]byte, error) {
	if _, err := m.key(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{m.current.public, m.next.public}}
	if m.previous != nil && time.Since(m.rotatedAt) < 2*Lifetime {
		set.Keys = append(set.Keys, *m.previous)
	}
	return json.Marshal(set)
}

// Rotate signs with the next key from now on, ahead of its time. Tokens signed before stay good to their end, for
// which the rotation before must be that long ago.
func (m *Minter) Rotate() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if since := time.Since(m.rotatedAt); m.previous != nil && since < 2*Lifetime {
		return fault.New(fault.Conflict, "the transaction key was rotated %s ago; wait until %s have passed", since.Round(time.Second), 2*Lifetime)
	}
	return m.advance()
}

// advance makes the next key the current one. The caller holds mu.
func (m *Minter) advance() error {
	fresh, err := newSigningKey()
	if err != nil {
		return err
	}
	previous := m.current.public
	m.previous, m.current, m.next, m.rotatedAt = &previous, m.next, fresh, time.Now()
	return nil
}

// key returns the key to sign with now, rotating first when it is due.
func (m *Minter) key() (signingKey, error) {
	m.mu.RLock()
	key, due := m.current, time.Since(m.rotatedAt) >= rotateEvery
	m.mu.RUnlock()
	if !due {
		return key, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.rotatedAt) < rotateEvery {
		return m.current, nil // another request rotated meanwhile
	}
	if err := m.advance(); err != nil {
		return signingKey{}, err
	}
	return m.current, nil
}

func newSigningKey() (signingKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return signingKey{}, fmt.Errorf("generate signing key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: public, Algorithm: string(jose.EdDSA), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, fmt.Errorf("name signing key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: jwk.KeyID}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return signingKey{}, fmt.Errorf("prepare signing key: %w", err)
	}
	return signingKey{signer: signer, public: jwk}, nil
}
