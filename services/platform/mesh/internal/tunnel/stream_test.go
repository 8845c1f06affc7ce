package tunnel_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// The app learns who calls, gets the bytes, and each side may close its direction on its own.
func TestRelay(t *testing.T) {
	r := newRig(t, echo)
	c := r.dial(t)
	sent := make([]byte, 3<<20)
	_, _ = rand.Read(sent)
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := c.Write(sent)
		assert.NoError(t, err)
		assert.NoError(t, c.CloseWrite())
	})
	back := bufio.NewReader(c)
	caller, err := back.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("gateway").String()+"\n", caller)
	got, err := io.ReadAll(back) // to the end that the app sends after ours
	writing.Wait()
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(sent), sha256.Sum256(got))
	require.Empty(t, r.log.AllDenied())
}

// The server's side may end first, and still read what the client has to say.
func TestServerClosesFirst(t *testing.T) {
	said := make(chan string, 1)
	r := newRig(t, func(_ spiffe.ID, c *unixsock.Conn) {
		_, _ = io.WriteString(c, "bye")
		_ = c.CloseWrite()
		all, _ := io.ReadAll(c)
		said <- string(all)
	})
	c := r.dial(t)
	_, err := io.WriteString(c, "hello")
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "bye", string(got))
	_, err = io.WriteString(c, ", and more")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	require.Equal(t, "hello, and more", <-said)
}

// A reader that doesn't read stops the writer at the other end, instead of filling memory.
func TestBackpressure(t *testing.T) {
	resume := make(chan struct{})
	r := newRig(t, func(_ spiffe.ID, c *unixsock.Conn) {
		<-resume
		_, _ = io.Copy(c, c)
	})
	c := r.dial(t)
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
	n, err := io.Copy(c, bytes.NewReader(make([]byte, 256<<20)))
	close(resume)
	var netErr net.Error
	require.ErrorAs(t, err, &netErr)
	require.True(t, netErr.Timeout())
	require.Less(t, n, int64(64<<20), "buffered on the way")
}

// An unused connection must not cost the app one of its own.
func TestAppIsDialledOnTheFirstByte(t *testing.T) {
	r := newRig(t, echo)
	c, err := tls.Dial("tcp", r.port, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}})
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, c.Close())
	require.Zero(t, r.reached.Load())
}

// exchange sends a line over a new connection and returns whether it came back.
func exchange(t *testing.T, r *rig) bool {
	t.Helper()
	c := r.dial(t)
	defer c.Close()
	_, _ = io.WriteString(c, "ping\n")
	back := bufio.NewReader(c)
	_, _ = back.ReadString('\n')
	got, _ := back.ReadString('\n')
	return got == "ping\n"
}

// Resumption must not resume what isn't allowed any more.
func TestResumptionChecksAgain(t *testing.T) {
	r := newRig(t, echo)
	sessions := tls.NewLRUClientSessionCache(1)
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "payments", ClientSessionCache: sessions, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}}
	connect := func() (resumed bool, err error) {
		c, err := tls.Dial("tcp", r.port, config)
		if err != nil {
			return false, err
		}
		defer c.Close()
		_, _ = io.WriteString(c, "ping\n")
		_, err = c.Read(make([]byte, 1))
		return c.ConnectionState().DidResume, err
	}
	_, err := connect()
	require.NoError(t, err)
	resumed, err := connect()
	require.NoError(t, err)
	require.True(t, resumed)

	r.denied.Store(true)
	resumed, err = connect()
	require.Error(t, err)
	require.True(t, resumed)
	require.Equal(t, meshtest.ID("gateway").String(), r.log.Denied(t, controls.MeshIntention)["caller"])

	r.denied.Store(false)
	own := r.own.Current() // from here on the CA that signed the client is trusted no longer
	r.own.Set(&identity.Identity{ID: own.ID, Leaf: own.Leaf, Roots: meshtest.NewCA(t).Pool})
	resumed, err = connect()
	require.Error(t, err)
	require.False(t, resumed)
	require.Equal(t, "certificate not signed by the mesh's CA", r.log.Denied(t, controls.MeshMTLS)["reason"])
}

func TestRotationKeepsConnections(t *testing.T) {
	r := newRig(t, echo)
	c := r.dial(t)
	back := bufio.NewReader(c)
	_, _ = io.WriteString(c, "a\n")
	_, _ = back.ReadString('\n')
	for range 3 {
		r.own.Set(r.ca.Identity(t, "payments"))
		r.peer.Set(r.ca.Identity(t, "gateway"))
		require.True(t, exchange(t, r), "a new connection under the new leaf")
	}
	_, err := io.WriteString(c, "b\n")
	require.NoError(t, err)
	got, err := back.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "a\n", got)
}

func TestIntentionThatTurnsToDenyClosesConnections(t *testing.T) {
	r := newRig(t, echo)
	c := r.dial(t)
	_, _ = io.WriteString(c, "a\n")
	_, err := c.Read(make([]byte, 1))
	require.NoError(t, err)
	r.in.Recheck(r.authorize)
	require.Empty(t, r.log.AllDenied())

	r.denied.Store(true)
	r.in.Recheck(r.authorize)
	_, _ = io.ReadAll(c) // ends, although the app would go on
	require.Equal(t, meshtest.ID("gateway").String(), r.log.Denied(t, controls.MeshIntention)["caller"])
	require.False(t, exchange(t, r))
}

// Draining closes idle connections, and lets one finish that waits for its answer.
func TestDrain(t *testing.T) {
	answer := make(chan struct{})
	r := newRig(t, func(_ spiffe.ID, c *unixsock.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		if line == "slow\n" {
			<-answer
		}
		_, _ = io.WriteString(c, "answer to "+line)
		_, _ = io.Copy(io.Discard, c)
	})
	idle, busy := r.dial(t), r.dial(t)
	_, _ = io.WriteString(idle, "quick\n")
	_, _ = io.ReadFull(idle, make([]byte, len("answer to quick\n")))
	_, _ = io.WriteString(busy, "slow\n")

	drained := make(chan struct{})
	go func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r.in.Drain(ctx)
	}()
	_, err := io.ReadAll(idle)
	require.NoError(t, err, "the idle one ends in good order")
	select {
	case <-drained:
		t.Fatal("didn't wait for the answer")
	default:
	}
	close(answer)
	got, err := io.ReadAll(busy)
	require.NoError(t, err)
	require.Equal(t, "answer to slow\n", string(got))
	<-drained
}

func TestPeerThatIsNotThereYet(t *testing.T) {
	r := newRig(t, echo)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nowhere := free.Addr().String()
	require.NoError(t, free.Close())
	r.announce(nowhere)
	c := r.dial(t)
	time.AfterFunc(100*time.Millisecond, func() { r.announce(r.port) })
	_, _ = io.WriteString(c, "ping\n")
	got, err := bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, meshtest.ID("gateway").String()+"\n", got)
}

func TestAppThatRestarts(t *testing.T) {
	r := newRig(t, echo)
	require.NoError(t, r.app.Close())
	restarted := make(chan *unixsock.Listener, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		ln, err := unixsock.Listen(r.appSocket)
		assert.NoError(t, err)
		restarted <- ln
	})
	var again sync.WaitGroup
	again.Go(func() {
		ln := <-restarted
		t.Cleanup(func() { r.stop(); ln.Close(); again.Wait() })
		r.runApp(ln, echo)
	})
	require.True(t, exchange(t, r))
}

// The post-quantum hybrid is what both sides settle on, and nothing weaker than TLS 1.3 is offered.
func TestKeyExchange(t *testing.T) {
	r := newRig(t, echo)
	c, err := tls.Dial("tcp", r.port, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}})
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, tls.X25519MLKEM768, c.ConnectionState().CurveID)
	own, err := r.client.Dial(t.Context(), "payments")
	require.NoError(t, err)
	defer own.Close()
	require.Equal(t, tls.X25519MLKEM768, own.ConnectionState().CurveID)
	require.EqualValues(t, tls.VersionTLS13, own.ConnectionState().Version)
}
