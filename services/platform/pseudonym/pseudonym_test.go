package pseudonym_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/pseudonym"
)

func TestPseudonyms(t *testing.T) {
	names := pseudonym.New([]byte("key"))
	alice := names.Principal("alice")
	require.Regexp(t, "^[0-9a-f]{32}$", alice)
	require.Equal(t, alice, names.Principal("alice"))
	require.Equal(t, alice, pseudonym.New([]byte("key")).Principal("alice"), "at every gateway")

	for name, other := range map[string]string{"another": names.Principal("bob"), "under another key": pseudonym.New([]byte("yek")).Principal("alice"),
		"a token": names.Token([]byte("alice"))} {
		require.NotEqual(t, alice, other, name)
	}
	require.Empty(t, names.Principal(""))
	require.Empty(t, names.Token(nil))
	require.Empty(t, (*pseudonym.Names)(nil).Principal("alice"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		require.Equal(t, "pseudonyms", fmt.Sprintf(verb, names))
	}
}

// What a request waits for: the principal's pseudonym each time, its token's once.
func BenchmarkPrincipal(b *testing.B) {
	names := pseudonym.New([]byte("key"))
	b.ReportAllocs()
	for b.Loop() {
		_ = names.Principal("alice")
	}
}

func BenchmarkToken(b *testing.B) {
	names, token := pseudonym.New([]byte("key")), []byte(strings.Repeat("x", 300))
	b.ReportAllocs()
	for b.Loop() {
		_ = names.Token(token)
	}
}
