package edge

import (
	"errors"

	"redoubt.example/gateway/internal/dpop"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// DPoP says what is asked of access tokens: a proof of possession for those that are bound to a key (RFC 9449).
type DPoP struct {
	Verifier *dpop.Verifier // nil: no proof is understood; a bound token is then a bearer token like others
	Required bool           // an access token that isn't bound to a key isn't accepted
}

// possession has the client prove that it holds the key that its access token is bound to.
func possession(cfg Config) func(*Exchange) error {
	proofs := cfg.DPoP.Verifier
	return func(x *Exchange) error {
		if x.scheme != schemeBearer && x.scheme != schemeDPoP {
			return nil // a public route, an API key
		}
		bound := x.Token.Key != ""
		switch {
		case proofs == nil && x.scheme == schemeDPoP:
			return unproved(x, cfg, &dpop.Refusal{Code: dpop.InvalidToken, Reason: "DPoP isn't accepted here"})
		case proofs == nil, !bound && x.scheme == schemeBearer && !cfg.DPoP.Required:
			return nil
		case !bound:
			return unproved(x, cfg, &dpop.Refusal{Code: dpop.InvalidToken, Reason: "the access token isn't bound to a key"})
		case x.scheme != schemeDPoP: // section 7.2: else who stole it would just leave out the proof
			return unproved(x, cfg, &dpop.Refusal{Code: dpop.InvalidToken, Reason: "the access token is bound to a key: it needs the scheme DPoP and a proof"})
		}
		r := x.Request()
		err := proofs.Verify(dpop.Request{Method: r.Method, Path: r.URL.EscapedPath(), Proofs: r.Header["Dpop"], Token: x.credential, Key: x.Token.Key})
		var refusal *dpop.Refusal
		if errors.As(err, &refusal) {
			return unproved(x, cfg, refusal)
		}
		tellNonce(x, proofs)
		return err
	}
}

// unproved refuses a token whose owner may be another than who sent it.
func unproved(x *Exchange, cfg Config, refusal *dpop.Refusal) error {
	x.claims(cfg)
	proofs := cfg.DPoP.Verifier
	challenge := `Bearer realm="redoubt"`
	if proofs != nil {
		challenge = dpop.Challenge(refusal)
		tellNonce(x, proofs)
	}
	x.Response().Header().Set("WWW-Authenticate", challenge)
	return x.Deny(controls.EdgeDPoP, fault.Unauthenticated, refusal.Reason)
}

// tellNonce gives the client the nonce for its next proof, section 8.
func tellNonce(x *Exchange, proofs *dpop.Verifier) {
	if nonce := proofs.Nonce(); nonce != "" {
		x.Response().Header().Set("DPoP-Nonce", nonce)
	}
}
