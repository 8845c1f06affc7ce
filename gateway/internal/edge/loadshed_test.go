package edge_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/shed"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

// narrow is a platform that works on four things at once.
func narrow(cfg *edge.Config) {
	cfg.Work = shed.New(shed.Config{Min: 4, Max: 4, Line: 4, Lines: 64, Wait: 10 * time.Second})
	cfg.Streams = shed.New(shed.Config{Min: 4, Max: 4, Line: 4, Lines: 64, Wait: 10 * time.Second})
}

// flood is what an upstream saw of other clients' requests while an honest one was served.
type flood struct {
	most           int64 // in work at once
	refused, other atomic.Int64
}

// underFlood has ten others send more than four can be worked on of, all the time, while alice sends one after the other.
func underFlood(t *testing.T, g *gateway, most *atomic.Int64) *flood {
	f := &flood{}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 10 {
		token := g.Issuer.Token(fmt.Sprintf("flooder-%d", i), "documents:read")
		for range 10 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch status, retry := get(t, g, token); {
					case status == http.StatusServiceUnavailable && retry != "":
						f.refused.Add(1)
						time.Sleep(10 * time.Millisecond) // the generator shares the processors with its target
					case status != http.StatusNoContent:
						f.other.Add(1)
					}
				}
			})
		}
	}
	require.Eventually(t, func() bool { return most.Load() >= 4 }, 20*time.Second, time.Millisecond)
	alice := g.Issuer.Token("alice", "documents:read")
	for range 50 {
		status, _ := get(t, g, alice)
		assert.Equal(t, http.StatusNoContent, status, "the honest client is served")
	}
	close(stop)
	all.Wait()
	f.most = most.Load()
	return f
}

func get(t *testing.T, g *gateway, token string) (status int, retryAfter string) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", g.URL+"/v1/documents", nil)
	if !assert.NoError(t, err) {
		return 0, ""
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := g.Client.Do(req)
	if !assert.NoError(t, err) {
		return 0, ""
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// counted is an upstream that takes five milliseconds, and notes how many requests it has at once.
func counted() (http.HandlerFunc, *atomic.Int64) {
	var busy, most atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		n := busy.Add(1)
		defer busy.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	}, &most
}

func TestFloodOfOthersIsShed(t *testing.T) {
	upstream, most := counted()
	g := newGateway(t, upstream, narrow)
	f := underFlood(t, g, most)
	require.LessOrEqual(t, f.most, int64(4), "no more in work than there is room for")
	require.Positive(t, f.refused.Load())
	require.Zero(t, f.other.Load(), "whoever floods is told to come again later, and nothing else happens to it")
	require.Contains(t, g.log.String(), `"control":"`+controls.EdgeLoadShed+`"`)
}

func TestFloodWithoutShedding(t *testing.T) {
	controlstest.Off(t, func() {
		upstream, most := counted()
		f := underFlood(t, newGateway(t, upstream, narrow), most)
		require.Greater(t, f.most, int64(4), "all of it reaches the upstream")
		require.Zero(t, f.refused.Load())
	}, controls.EdgeLoadShed)
}

// TestShedSaysWhenToComeAgain: a client whose line is full gets a problem document, at once, and others their turn.
func TestShedSaysWhenToComeAgain(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan struct{}, 16)
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-hold
		w.WriteHeader(http.StatusNoContent)
	}, func(cfg *edge.Config) {
		cfg.Work = shed.New(shed.Config{Min: 4, Max: 4, Wait: time.Minute})
		cfg.Streams = cfg.Work
	})
	alice := g.Issuer.Token("alice", "documents:read")
	var all sync.WaitGroup
	for range 2 { // her share: half
		all.Go(func() { get(t, g, alice) })
		<-arrived
	}
	r := g.do("GET", "/v1/documents", alice, "")
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	g.requireDecision(r, controls.EdgeLoadShed)
	after, err := strconv.Atoi(r.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, after)
	all.Go(func() {
		status, _ := get(t, g, g.Issuer.Token("bob", "documents:read"))
		assert.Equal(t, http.StatusNoContent, status)
	})
	<-arrived
	close(hold)
	all.Wait()
	status, _ := get(t, g, alice)
	require.Equal(t, http.StatusNoContent, status, "places are given back")
}

// TestSlowSenderHoldsNoPlace: while its body is on its way, others have all of the room.
func TestSlowSenderHoldsNoPlace(t *testing.T) {
	g := newGateway(t, fine, func(cfg *edge.Config) {
		cfg.Work = shed.New(shed.Config{Min: 1, Max: 1})
		cfg.Streams = cfg.Work
	})
	body := &slow{started: make(chan struct{}), end: make(chan struct{})}
	req, err := http.NewRequestWithContext(t.Context(), "POST", g.URL+"/v1/documents", body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+g.Issuer.Token("mallory", "documents:write"))
	req.Header.Set("Content-Type", "application/json")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if resp, err := g.Client.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-body.started
	for range 5 {
		status, _ := get(t, g, g.Issuer.Token("alice", "documents:read"))
		require.Equal(t, http.StatusNoContent, status)
	}
	close(body.end)
	<-ended
}

// TestSlowBody: one that doesn't end in time is refused, and the record says why.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	g := newGateway(t, unreachable(t))
	body, rest := io.Pipe()
	defer rest.Close()
	req, err := http.NewRequestWithContext(t.Context(), "POST", g.URL+"/v1/documents", body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+g.Issuer.Token("mallory", "documents:write"))
	req.Header.Set("Content-Type", "application/json")
	r := g.send(req)
	require.Equal(t, http.StatusBadRequest, r.StatusCode, r.Text)
	g.requireDecision(r, controls.EdgeSlowClient)
}

// slow is a body of which nothing comes until end is closed.
type slow struct {
	once         sync.Once
	started, end chan struct{}
}

func (s *slow) Read([]byte) (int, error) {
	s.once.Do(func() { close(s.started) })
	<-s.end
	return 0, http.ErrBodyReadAfterClose
}

// TestStreamsHaveRoomOfTheirOwn: ones that go on and on keep no request waiting.
func TestStreamsHaveRoomOfTheirOwn(t *testing.T) {
	g := newGateway(t, fine, func(cfg *edge.Config) {
		cfg.Work = shed.New(shed.Config{Min: 1, Max: 1})
		cfg.Streams = shed.New(shed.Config{Min: 0, Max: 0})
	})
	alice := g.Issuer.Token("alice", "documents:read inferences:create")
	r := g.do("POST", "/v1/inferences:stream", alice, `{"model":"langid","input":"a"}`)
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	g.requireDecision(r, controls.EdgeLoadShed)
	require.Equal(t, http.StatusNoContent, g.do("GET", "/v1/documents", alice, "").StatusCode)
}
