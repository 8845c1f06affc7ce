package ratelimit_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/ratelimit"
)

// server is a real redis-server that asks for TLS and a password.
type server struct {
	t         *testing.T
	dir, port string
	process   *exec.Cmd
}

func newServer(t *testing.T) *server {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server in the PATH (Debian: apt-get install redis-server): limits shared through Redis aren't tested")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	s := &server{t: t, dir: t.TempDir(), port: port}
	s.certificate()
	s.write("password", "correct horse\n")
	s.write("redis.conf", "bind 127.0.0.1\nport 0\ntls-port "+port+"\ntls-cert-file cert.pem\ntls-key-file key.pem\ntls-ca-cert-file cert.pem\n"+
		"tls-auth-clients no\nrequirepass \"correct horse\"\nsave \"\"\n")
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) write(name, content string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600))
}

func (s *server) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(s.t, err)
	s.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	der, err = x509.MarshalPKCS8PrivateKey(key)
	require.NoError(s.t, err)
	s.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func (s *server) start() {
	s.process = exec.Command("redis-server", "redis.conf")
	s.process.Dir = s.dir
	require.NoError(s.t, s.process.Start())
	client := s.client()
	require.Eventually(s.t, func() bool { return client.Ping(s.t.Context()).Err() == nil }, 20*time.Second, 10*time.Millisecond)
}

func (s *server) stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *server) config() ratelimit.Redis {
	return ratelimit.Redis{URL: "rediss://127.0.0.1:" + s.port, PasswordFile: filepath.Join(s.dir, "password"), CAFile: filepath.Join(s.dir, "cert.pem")}
}

func (s *server) client() *redis.Client {
	client, err := s.config().Connect()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestGatewaysShareOneLimit(t *testing.T) {
	s := newServer(t)
	hundred := limit(100, time.Hour)
	a, b := ratelimit.NewShared(s.client(), slog.Default()), ratelimit.NewShared(s.client(), slog.Default())
	taken := func(key string) (n int) {
		for range 120 {
			for _, gateway := range []*ratelimit.Shared{a, b} {
				if gateway.Take(t.Context(), hundred, key, 1).Allowed {
					n++
				}
			}
		}
		return n
	}
	require.Equal(t, 100, taken("alice"))
	require.Equal(t, 100, taken("bob"))
	r := b.Take(t.Context(), hundred, "bob", 1)
	require.Zero(t, r.Remaining)
	require.InDelta(t, time.Hour, r.Reset, float64(10*time.Second))
	require.Greater(t, r.RetryAfter, time.Second)
	keys, err := s.client().Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	for _, key := range keys {
		require.NotContains(t, key, "alice")
		require.Positive(t, s.client().PTTL(t.Context(), key).Val(), "what owes nothing is forgotten")
	}

	require.NoError(t, s.client().FlushAll(t.Context()).Err())
	require.False(t, a.Take(t.Context(), hundred, "bob", 1).Allowed, "what one gateway refuses by itself, Redis isn't asked")
}

func TestRedisAwayLeavesEachGatewayItsOwnLimit(t *testing.T) {
	s := newServer(t)
	var log syncBuffer
	shared := ratelimit.NewShared(s.client(), slog.New(slog.NewTextHandler(&log, nil)))
	hundred := limit(100, time.Hour)
	require.True(t, shared.Take(t.Context(), hundred, "alice", 1).Allowed)
	require.InDelta(t, 1, testutil.ToFloat64(shared.Collector()), 0)
	s.stop()
	n, begin := 1, time.Now()
	for range 200 {
		if shared.Take(t.Context(), hundred, "alice", 1).Allowed {
			n++
		}
	}
	require.Equal(t, 100, n, "open to its own limit, not to none")
	require.Less(t, time.Since(begin), 5*time.Second, "requests don't each wait for it")
	require.Contains(t, log.String(), "Redis is away")
	require.InDelta(t, 0, testutil.ToFloat64(shared.Collector()), 0)
	s.start()
	require.Eventually(t, func() bool {
		shared.Take(t.Context(), limit(1<<20, time.Hour), "bob", 1)
		return testutil.ToFloat64(shared.Collector()) == 1
	}, 20*time.Second, 10*time.Millisecond)
	require.Contains(t, log.String(), "shared again")
}

// TestHungRedisCostsOneTimeout: it takes connections and never answers.
func TestHungRedisCostsOneTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := ratelimit.Redis{URL: "redis://" + l.Addr().String()}.Connect()
	require.NoError(t, err)
	defer client.Close()
	shared := ratelimit.NewShared(client, slog.New(slog.DiscardHandler))
	begin := time.Now()
	for range 1000 {
		require.True(t, shared.Take(t.Context(), limit(1000, time.Hour), "alice", 1).Allowed)
	}
	require.Less(t, time.Since(begin), 10*time.Second, "1000 requests with a time-out each would take 100 s")
}

func TestRedisSettingsThatCantWork(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty.pem"), nil, 0o600))
	for name, tc := range map[string]struct {
		redis  ratelimit.Redis
		reason string
	}{
		"another scheme":      {ratelimit.Redis{URL: "http://127.0.0.1:1"}, "redis://host:port"},
		"password in the URL": {ratelimit.Redis{URL: "redis://:hunter2@127.0.0.1:1"}, "belongs in a file"},
		"password, bad URL":   {ratelimit.Redis{URL: "redis://:hunter2@127.0.0.1:1/x/y"}, "redis://host:port"},
		"no password file":    {ratelimit.Redis{URL: "redis://127.0.0.1:1", PasswordFile: filepath.Join(dir, "none")}, "password"},
		"CA without TLS":      {ratelimit.Redis{URL: "redis://127.0.0.1:1", CAFile: filepath.Join(dir, "empty.pem")}, "rediss://"},
		"CA file is empty":    {ratelimit.Redis{URL: "rediss://127.0.0.1:1", CAFile: filepath.Join(dir, "empty.pem")}, "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.redis.Connect()
			require.ErrorContains(t, err, tc.reason)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func BenchmarkRedis(b *testing.B) {
	address := os.Getenv("REDOUBT_TEST_REDIS")
	if address == "" {
		b.Skip("REDOUBT_TEST_REDIS names no server, such as 127.0.0.1:6379")
	}
	client, err := ratelimit.Redis{URL: "redis://" + address}.Connect()
	require.NoError(b, err)
	defer client.Close()
	shared := ratelimit.NewShared(client, slog.Default())
	for b.Loop() {
		shared.Take(b.Context(), limit(1<<40, time.Hour), "alice", 1)
	}
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
