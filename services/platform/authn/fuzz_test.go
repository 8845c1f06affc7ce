package authn_test

import (
	"strings"
	"testing"

	"redoubt.example/services/platform/authn"
)

// FuzzVerify: nothing but the token itself, to the byte, is good.
func FuzzVerify(f *testing.F) {
	s := newTTS(f)
	v := authn.NewVerifier(s.fetch)
	header, claims := goodHeader(), goodClaims()
	claims["exp"] = claims["iat"]
	expired := s.sign(f, header, claims) // signed well, and refused: what the fuzzer makes of it must not be accepted
	f.Add(expired)
	f.Add(strings.Repeat(expired, 2))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := v.Verify(t.Context(), raw, domain); err == nil {
			t.Fatalf("accepted %q", raw)
		}
	})
}
