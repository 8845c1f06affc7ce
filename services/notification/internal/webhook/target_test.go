package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/webhook"
)

func TestCheckURLRefuses(t *testing.T) {
	targets, err := webhook.NewTargets(nil)
	require.NoError(t, err)
	for _, url := range []string{
		"", "/", "hook", "//example.com/", "http://", "https:///path", "http:example.com", "mailto:a@example.com",
		"ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "unix:///run/x.sock",
		"https://user@example.com/", "https://user:password@example.com/", "https://example.com/#fragment",
		"https://example.com:8080/", "https://example.com:22/", "https://example.com:0/", "https://example.com:99999/",
		"http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/",
		"http://127.0.0.1/", "http://127.1.2.3/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/",
		"http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/", "http://255.255.255.255/",
		"http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/",
		"http://017700000001/", "http://127.0.0.1./", "http://127.0.0.01/", "http://1.2.3.4.5/",
		"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:a9fe:a9fe]/",
		"http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2001:0:7f00:1::]/",
		"http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[ff02::1]/",
		"http://[2001:4860:4860::8888%25eth0]/", "http://[127.0.0.1]/", "http://[4000::1]/",
		"http://exa mple.com/", "http://example..com/", "http://.example.com/", "http://ⓔxample.com/", "http://１２７.0.0.1/",
		"http://127。0。0。1/", "http://example.com%2f@127.0.0.1/", "http://127.0.0.1%00.example.com/", "http://a\\b/", "http://1.1.1.1\n/",
		"https://example.com/" + strings.Repeat("a", 2048),
	} {
		require.ErrorIs(t, targets.CheckURL(url), webhook.ErrTarget, "%q", url)
	}
}

func TestCheckURLAccepts(t *testing.T) {
	targets, err := webhook.NewTargets([]string{"127.0.0.1:9000", "Hooks.internal:8443", "[::1]:80"})
	require.NoError(t, err)
	for _, url := range []string{
		"https://example.com", "http://example.com/path?query=1", "https://EXAMPLE.com:443/", "https://a_b.example.com./", "http://8.8.8.8/",
		"https://[2606:4700::1111]/", "https://xn--bcher-kva.example/", "http://127.0.0.1:9000/hook", "https://hooks.INTERNAL:8443/", "http://[::1]/",
	} {
		require.NoError(t, targets.CheckURL(url), "%q", url)
	}
	for _, url := range []string{"http://127.0.0.1:9001/", "http://127.0.0.2:9000/", "https://hooks.internal:8444/", "http://[::1]:81/"} {
		require.Error(t, targets.CheckURL(url), "%q isn't what is allowed", url)
	}
	for _, allow := range []string{"", "127.0.0.1", ":80", "host:"} {
		_, err := webhook.NewTargets([]string{allow})
		require.Error(t, err, "%q", allow)
	}
}

func TestCheckAddressRefuses(t *testing.T) {
	targets, err := webhook.NewTargets(nil)
	require.NoError(t, err)
	for _, addr := range []string{
		"127.0.0.1:80", "127.255.255.254:443", "10.1.2.3:443", "172.31.255.255:443", "192.168.0.1:80", "169.254.169.254:80", "100.127.0.1:80",
		"0.0.0.0:80", "0.1.2.3:80", "224.0.0.251:80", "240.0.0.1:80", "255.255.255.255:80", "192.0.0.192:80", "192.0.2.1:80", "198.18.0.1:80",
		"[::1]:80", "[::]:80", "[::ffff:10.0.0.1]:80", "[::ffff:169.254.169.254]:80", "[64:ff9b::a9fe:a9fe]:80", "[64:ff9b:1::1]:80",
		"[2002:a00:1::]:80", "[2001::1]:80", "[2001:db8::1]:80", "[fd12::1]:80", "[fe80::1]:80", "[ff05::1]:80", "[100::1]:80", "[5f00::1]:80",
		"8.8.8.8:22", "8.8.8.8:8200", "[2606:4700::1111]:8500", "8.8.8.8:0",
	} {
		require.ErrorIs(t, targets.CheckAddress(netip.MustParseAddrPort(addr)), webhook.ErrTarget, addr)
	}
	require.Error(t, targets.CheckAddress(netip.AddrPort{}))
	for _, addr := range []string{"8.8.8.8:80", "172.32.0.1:443", "100.128.0.1:443", "[2606:4700::1111]:443", "[::ffff:8.8.8.8]:443"} {
		require.NoError(t, targets.CheckAddress(netip.MustParseAddrPort(addr)), addr)
	}
}
