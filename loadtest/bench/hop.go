package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a request through relays carries, and its answer.
const (
	leftHeader  = "Relay-Left"  // how many hops are still to come, after this one
	depthHeader = "Relay-Depth" // how many were before
	delayHeader = "Relay-Delay" // "2=5000;": hop 2 spins for so many nanoseconds
	driftHeader = "Relay-Drift" // hops get slower and faster, by the clock, as on a machine that others use
	pauseHeader = "Relay-Pause" // "1000=100": of each 1000 ms by its clock, the service stands still for the first 100
	tookHeader  = "Relay-Took"  // of the answer: "depth total own injected" of each hop, in nanoseconds, the first one first

	maxHops = 16
)

// Hop is one service of a chain: it hands a request on to the next as often as the request says, and gives the body
// back in the end. next may be nil for one that is always the last.
func Hop(next func(ctx context.Context) (net.Conn, error)) http.Handler {
	pool := &links{dial: next}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		depth, left := number(r.Header.Get(depthHeader)), number(r.Header.Get(leftHeader))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
		if err != nil || depth < 0 || left < 0 || left+depth > maxHops || (left > 0 && next == nil) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		hop := strconv.Itoa(depth + 1)
		arrived := time.Now()
		injected := time.Duration(0)
		if delay := delayAt(r.Header.Get(delayHeader), hop); delay >= 0 {
			injected = spinFor(arrived, delay)
		}
		pause(r.Header.Get(pauseHeader))
		if r.Header.Get(driftHeader) != "" {
			spinFor(time.Now(), drift(began))
		}
		var inner string
		var away time.Duration
		if left > 0 {
			head := relayHead(left-1, depth+1, strings.TrimRight(r.Header.Get(delayHeader), "; "), r.Header.Get(driftHeader), "")
			called := time.Now()
			if inner, err = pool.exchange(r.Context(), head, body); err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			away = time.Since(called)
		}
		total := time.Since(began)
		took := fmt.Sprintf("%s %09d %09d %09d", hop, total, total-away, injected)
		if inner != "" {
			took += "," + inner
		}
		w.Header().Set(tookHeader, took)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	})
}

// HopServer is Hop as a server with the limits that any server has.
func HopServer(next func(ctx context.Context) (net.Conn, error)) *http.Server {
	server := EchoServer()
	server.Handler = Hop(next)
	return server
}

func number(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// longestDelay bounds what a request may ask for.
const longestDelay = 10 * time.Millisecond

func delayAt(text, hop string) time.Duration {
	text, _, _ = strings.Cut(text, ";")
	at, ns, ok := strings.Cut(text, "=")
	if !ok || at != hop {
		return -1
	}
	return min(time.Duration(max(number(ns), 0)), longestDelay)
}

// spinFor keeps the processor busy until so long after a time, and returns for how long it really did, by its own clock.
// A delay of nothing takes the same steps, so that two delays differ in nothing but their length.
func spinFor(began time.Time, d time.Duration) time.Duration {
	for {
		if took := time.Since(began); took >= d {
			return took
		}
	}
}

// drift is two waves, one within a short comparison and one within a long one.
func drift(now time.Time) time.Duration {
	const fast, slow = 0.1, 7.0 // seconds
	t := float64(now.UnixNano()%int64(7e11)) / 1e9
	wave := 15*(1+math.Sin(2*math.Pi*t/fast)) + 30*(1+math.Sin(2*math.Pi*t/slow))
	return time.Duration(wave * float64(time.Microsecond))
}

func pause(text string) {
	every, length, ok := strings.Cut(text, "=")
	e, l := number(every), number(length)
	if !ok || e <= 0 || l < 0 || l >= e || e > 10_000 {
		return
	}
	period := time.Duration(e) * time.Millisecond
	if into := time.Duration(time.Now().UnixNano()) % period; into < time.Duration(l)*time.Millisecond {
		time.Sleep(time.Duration(l)*time.Millisecond - into)
	}
}

// Way is how requests go through a chain of relays.
type Way struct {
	Hops    int           // at least one
	DelayAt int           // the hop that is slowed down; 0 for none
	Delay   time.Duration // by how much; 0 takes the same steps, for the one that it is compared with
	Drift   bool          // the hops' speed drifts
	Pause   string        // "1000=100": the first hop stands still for the first 100 of each 1000 ms
}

// Chain makes requests through a chain, over one connection. Not for concurrent use.
type Chain struct {
	dial func(ctx context.Context) (net.Conn, error)
	link *link
}

// NewChain returns one that dials when it is first used. Close it.
func NewChain(dial func(ctx context.Context) (net.Conn, error)) *Chain { return &Chain{dial: dial} }

// Close closes the connection; the next request makes another.
func (c *Chain) Close() {
	if c.link != nil {
		c.link.close()
		c.link = nil
	}
}

// Renew connects anew.
func (c *Chain) Renew(ctx context.Context) (err error) {
	c.Close()
	c.link, err = newLink(ctx, c.dial)
	return err
}

// Request makes one request. Its parts are each hop's own time, "own", and what was injected there, "injected", which
// is in the hop's own, too.
func (c *Chain) Request(ctx context.Context, way Way) (Observation, error) {
	if c.link == nil {
		if err := c.Renew(ctx); err != nil {
			return Observation{}, err
		}
	}
	delay, drifts := "", ""
	if way.DelayAt > 0 {
		delay = fmt.Sprintf("%d=%07d", way.DelayAt, way.Delay)
	}
	if way.Drift {
		drifts = "1"
	}
	head := relayHead(way.Hops-1, 0, delay, drifts, way.Pause)
	began := time.Now()
	answer, err := c.link.exchange(head, chainBody)
	seen := Observation{Total: time.Since(began)}
	if err != nil {
		c.Close()
		return seen, err
	}
	seen.Parts, err = readTook(answer)
	if err == nil && len(seen.Parts) < way.Hops {
		err = errors.New("the request didn't go through every hop")
	}
	return seen, err
}

func readTook(text string) (map[Part]time.Duration, error) {
	parts := map[Part]time.Duration{}
	for hop := range strings.SplitSeq(text, ",") {
		var name string
		var total, own, injected time.Duration
		if _, err := fmt.Sscanf(hop, "%s %d %d %d", &name, &total, &own, &injected); err != nil {
			return nil, fmt.Errorf("a hop's times %q: %w", hop, err)
		}
		parts[Part{name, "own"}] = own
		if injected > 0 {
			parts[Part{name, "injected"}] = injected
		}
	}
	return parts, nil
}
