package egress_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"redoubt.example/services/notification/internal/egress"
	"redoubt.example/services/notification/internal/webhook"
)

// inside is a server that nobody but an allowed target may reach; it counts who did.
func inside(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	var hits atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		r.Body = io.NopCloser(bytes.NewReader(drain(r))) // net/http notices that the client is gone only after the body
		if handler != nil {
			handler(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, &hits
}

func drain(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body)
	return body
}

func client(t *testing.T, cfg egress.Config, allow ...string) *egress.Client {
	targets, err := webhook.NewTargets(allow)
	require.NoError(t, err)
	cfg.Targets = targets
	return egress.New(cfg)
}

func send(t *testing.T, c *egress.Client, target string) (int, error) {
	return c.Send(t.Context(), webhook.Request{URL: target, Headers: webhook.NewSecret().Sign("msg_1", time.Now(), []byte("{}")), Body: []byte("{}")})
}

// nameserver answers every question with the address.
func nameserver(t *testing.T, answer netip.Addr) *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			question := q.Questions[0]
			reply := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true}, Questions: q.Questions}
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
			switch {
			case question.Type == dnsmessage.TypeA && answer.Is4():
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: answer.As4()}})
			case question.Type == dnsmessage.TypeAAAA && answer.Is6():
				reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: answer.As16()}})
			}
			if packed, err := reply.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestRefusesTargetsInside(t *testing.T) {
	server, hits := inside(t, nil)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	c := client(t, egress.Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"} {
		_, err := send(t, c, "http://"+host+":"+u.Port()+"/?token=secret")
		require.ErrorIs(t, err, webhook.ErrTarget, host)
		require.NotContains(t, err.Error(), "token=secret")
	}
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1"} { // the resolver's business, then ours
		_, err := send(t, c, "http://"+host+":"+u.Port())
		require.Error(t, err, host)
	}
	for _, target := range []string{"http://169.254.169.254/", "http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://100.64.0.1/"} {
		_, err := send(t, c, target)
		require.ErrorIs(t, err, webhook.ErrTarget, target)
	}
	require.Zero(t, hits.Load())
}

func TestRefusesNamesThatResolveInside(t *testing.T) {
	for _, answer := range []string{
		"127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "192.168.0.1", "100.64.0.1",
		"::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::",
	} {
		c := client(t, egress.Config{Resolver: nameserver(t, netip.MustParseAddr(answer))})
		_, err := send(t, c, "http://innocent.example.com/")
		require.ErrorIs(t, err, webhook.ErrTarget, answer)
	}
}

func TestRefusesOtherPorts(t *testing.T) {
	c := client(t, egress.Config{Resolver: nameserver(t, netip.MustParseAddr("93.184.215.14"))})
	_, err := send(t, c, "http://innocent.example.com:8500/")
	require.ErrorIs(t, err, webhook.ErrTarget)
}

func TestFollowsNoRedirect(t *testing.T) {
	server, hits := inside(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		hop, _ := inside(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, server.URL, status) })
		got, err := send(t, client(t, egress.Config{}, strings.TrimPrefix(hop.URL, "http://")), hop.URL)
		require.NoError(t, err)
		require.Equal(t, status, got)
	}
	require.Zero(t, hits.Load())
}

func TestIgnoresProxiesOfTheEnvironment(t *testing.T) {
	proxy, hits := inside(t, nil)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	_, err := send(t, client(t, egress.Config{}), "http://169.254.169.254/")
	require.ErrorIs(t, err, webhook.ErrTarget)
	require.Zero(t, hits.Load())
}

func TestVerifiesTLS(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	allow := strings.TrimPrefix(server.URL, "https://")
	_, err := send(t, client(t, egress.Config{}, allow), server.URL)
	require.ErrorContains(t, err, "certificate")
	require.Zero(t, hits.Load())

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	status, err := send(t, client(t, egress.Config{Roots: roots}, allow), server.URL)
	require.NoError(t, err)
	require.Equal(t, 200, status)
}

func TestSendsWhatTheSpecificationSays(t *testing.T) {
	var got *http.Request
	var body []byte
	server, _ := inside(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	secret := webhook.NewSecret()
	h := secret.Sign("msg_1", time.Now(), []byte(`{"type":"a"}`))
	c := client(t, egress.Config{}, strings.TrimPrefix(server.URL, "http://"))
	status, err := c.Send(t.Context(), webhook.Request{URL: server.URL + "/hook?a=b", Headers: h, Body: []byte(`{"type":"a"}`)})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, "POST /hook?a=b", got.Method+" "+got.URL.String())
	received := webhook.Headers{ID: got.Header.Get("webhook-id"), Timestamp: got.Header.Get("webhook-timestamp"), Signature: got.Header.Get("webhook-signature")}
	require.NoError(t, secret.Verify(received, body, time.Now()))
}

func TestReadsLittleOfTheAnswer(t *testing.T) {
	server, _ := inside(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // until we hang up
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	start := time.Now()
	status, err := send(t, client(t, egress.Config{}, strings.TrimPrefix(server.URL, "http://")), server.URL)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Less(t, time.Since(start), 4*time.Second)
}

func TestWaitsNoLongerThanItsTimeout(t *testing.T) {
	server, _ := inside(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	start := time.Now()
	_, err := send(t, client(t, egress.Config{}, strings.TrimPrefix(server.URL, "http://")), server.URL)
	require.Error(t, err)
	require.Less(t, time.Since(start), 8*time.Second)
}
