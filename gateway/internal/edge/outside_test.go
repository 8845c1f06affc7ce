package edge_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"encoding/xml"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/fault"
)

// packages are Debian's whose programs look at the gateway here, each written by somebody who doesn't know our code.
var packages = []string{"curl", "openssl", "slowhttptest", "sslscan"}

// install gets the packages where that needs nobody's leave; "" or the reason why not.
var install = sync.OnceValue(func() string {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "not installed, and only root on Debian may install it: sudo apt-get install " + strings.Join(packages, " ")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for _, args := range [][]string{{"update"}, append([]string{"install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "apt-get " + args[0] + ": " + err.Error() + ": " + string(out[max(0, len(out)-200):])
		}
	}
	return ""
})

// tool runs a program against the gateway. It skips the test where the program can't be had.
func tool(t *testing.T, name string, args ...string) (out string, code int) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if reason := install(); reason != "" {
			t.Skip(name + ": " + reason)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = t.TempDir()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	require.NoError(t, ctx.Err(), text.String())
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err, "%s: %v", name, err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// caFile is the gateway's certificate, which is its own authority.
func (g *gateway) caFile() string {
	path := filepath.Join(g.dir, "ca.pem")
	require.NoError(g.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.dial("h2").ConnectionState().PeerCertificates[0].Raw}), 0o600))
	return path
}

func TestCurl(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	bearer := "Authorization: Bearer " + g.Issuer.Token("alice", "documents:read documents:write")
	draft := []string{"-H", bearer, "-H", "Content-Type: application/json", "-H", "Idempotency-Key: k", "-d", `{"title":"t","text":"x"}`, "/v1/documents"}
	for name, tc := range map[string]struct {
		args []string
		want string
		code int
	}{
		"HTTP/2":                   {[]string{"--http2", "-H", bearer, "/v1/documents"}, "2 204", 0},
		"HTTP/1.1":                 {[]string{"--http1.1", "-H", bearer, "/v1/documents"}, "1.1 204", 0},
		"TLS 1.2 at most":          {[]string{"--tls-max", "1.2", "/livez"}, "", 35},
		"a document":               {draft, "2 204", 0},
		"no token":                 {[]string{"/v1/documents"}, "2 401 " + fault.ContentType, 0},
		"dot segments":             {[]string{"--path-as-is", "/v1/inbox/../documents"}, "2 404 " + fault.ContentType, 0},
		"HTTP/1.0":                 {[]string{"--http1.0", "--no-alpn", "/v1/documents"}, "1 400 " + fault.ContentType, 0},
		"chunks":                   {append([]string{"--http1.1", "-H", "Transfer-Encoding: chunked"}, draft...), "1.1 400 " + fault.ContentType, 0},
		"an unknown method":        {[]string{"-X", "PROPFIND", "/v1/documents"}, "2 405 " + fault.ContentType, 0},
		"a compressed body":        {append([]string{"-H", "Content-Encoding: gzip"}, draft...), "2 415 " + fault.ContentType, 0},
		"another certificate wish": {[]string{"--resolve", "other.test:443:127.0.0.1", "--connect-to", "other.test:443:" + strings.TrimPrefix(g.URL, "https://"), "https://other.test/livez"}, "", 60},
	} {
		t.Run(name, func(t *testing.T) {
			last := &tc.args[len(tc.args)-1]
			if strings.HasPrefix(*last, "/") {
				*last = g.URL + *last
			}
			out, code := tool(t, "curl", append([]string{"-sS", "--cacert", g.caFile(), "--max-time", "20", "-o", filepath.Join(t.TempDir(), "body"),
				"-w", "%{http_version} %{http_code} %{content_type}"}, tc.args...)...)
			require.Equal(t, tc.code, code, out)
			if code == 0 {
				require.Equal(t, tc.want, strings.TrimSpace(out))
			}
		})
	}
}

func TestOpenSSL(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	address := strings.TrimPrefix(g.URL, "https://")
	client := func(args ...string) (string, int) {
		return tool(t, "openssl", append([]string{"s_client", "-connect", address, "-CAfile", g.caFile(), "-verify_return_error", "-ign_eof", "-no_ign_eof"}, args...)...)
	}
	out, code := client("-alpn", "h2,http/1.1")
	require.Zero(t, code, out)
	require.Contains(t, out, "New, TLSv1.3")
	require.Contains(t, out, "ALPN protocol: h2")
	require.Contains(t, out, "Verify return code: 0 (ok)")
	require.NotRegexp(t, `Max Early Data: [1-9]`, out, "no request that can be replayed")
	for name, args := range map[string][]string{
		"TLS 1.2":           {"-tls1_2"},
		"TLS 1.1":           {"-tls1_1"},
		"an unknown ALPN":   {"-alpn", "spdy/3"},
		"CCM with 8 octets": {"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"},
	} {
		out, code := client(args...)
		require.NotZero(t, code, "%s: %s", name, out)
		require.Contains(t, out, "alert", name)
	}
}

// TestSSLScan: TLS 1.3 alone, nothing weak, no known hole.
func TestSSLScan(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	out, code := tool(t, "sslscan", "--no-colour", "--xml=-", strings.TrimPrefix(g.URL, "https://"))
	require.Zero(t, code, out)
	var scan struct {
		Test struct {
			Protocols []struct {
				Type    string `xml:"type,attr"`
				Version string `xml:"version,attr"`
				Enabled int    `xml:"enabled,attr"`
			} `xml:"protocol"`
			Ciphers []struct {
				Version  string `xml:"sslversion,attr"`
				Bits     int    `xml:"bits,attr"`
				Strength string `xml:"strength,attr"`
			} `xml:"cipher"`
			Heartbleed []struct {
				Vulnerable int `xml:"vulnerable,attr"`
			} `xml:"heartbleed"`
			Compression struct {
				Supported int `xml:"supported,attr"`
			} `xml:"compression"`
			Renegotiation struct {
				Supported int `xml:"supported,attr"`
			} `xml:"renegotiation"`
		} `xml:"ssltest"`
	}
	begin := strings.Index(out, "<?xml")
	require.GreaterOrEqual(t, begin, 0, out)
	require.NoError(t, xml.Unmarshal([]byte(out[begin:]), &scan), out)
	require.Len(t, scan.Test.Protocols, 6, out)
	for _, p := range scan.Test.Protocols {
		require.Equal(t, p.Type == "tls" && p.Version == "1.3", p.Enabled == 1, "%s %s", p.Type, p.Version)
	}
	require.NotEmpty(t, scan.Test.Ciphers)
	for _, c := range scan.Test.Ciphers {
		require.Equal(t, "TLSv1.3", c.Version)
		require.GreaterOrEqual(t, c.Bits, 128)
		require.Contains(t, []string{"strong", "acceptable"}, c.Strength)
	}
	for _, h := range scan.Test.Heartbleed {
		require.Zero(t, h.Vulnerable)
	}
	require.Zero(t, scan.Test.Compression.Supported)
	require.Zero(t, scan.Test.Renegotiation.Supported)
}

// TestSlowClients: slowhttptest holds connections open by sending, or reading, very little; the gateway closes them, and
// serves others all the while.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	escapes := regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
	for name, tc := range map[string]struct {
		path string
		args []string
	}{
		"headers": {"/v1/documents", []string{"-H", "-i", "1"}},
		"body":    {"/v1/webhooks/github", []string{"-B", "-i", "1", "-s", "8192", "-f", "application/json"}},
		"read":    {"/openapi.yaml", []string{"-X", "-k", "10", "-w", "10", "-y", "20", "-n", "2", "-z", "8", "-l", "15"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			token := g.Issuer.Token("alice", "documents:read")
			ended, served := make(chan struct{}), make(chan int)
			go func() { // an honest client, all the while
				n := 0
				for {
					select {
					case <-ended:
						served <- n
						return
					default:
						if g.do("GET", "/v1/documents", token, "").StatusCode == http.StatusNoContent {
							n++
						}
						time.Sleep(50 * time.Millisecond)
					}
				}
			}()
			out, _ := tool(t, "slowhttptest", append([]string{"-c", "100", "-r", "100", "-l", "40", "-p", "10", "-u", g.URL + tc.path}, tc.args...)...)
			close(ended)
			require.NotZero(t, <-served)
			out = escapes.ReplaceAllString(out, "")
			if name != "read" { // what it reads has left for the kernel's buffer: an idle connection, for a minute at most
				require.Contains(t, out, "No open connections left", "the gateway closed them all, before the tool's own end")
			}
			available := regexp.MustCompile(`service available:\s*(\w+)`).FindAllStringSubmatch(out, -1)
			require.NotEmpty(t, available, out)
			for _, a := range available {
				require.Equal(t, "YES", a[1], out)
			}
		})
	}
}
