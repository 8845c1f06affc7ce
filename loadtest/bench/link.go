package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

var chainBody = bytes.Repeat([]byte("r"), bodySize)

// link is one HTTP/1.1 connection to a relay, without net/http's client, as in exchanger.
type link struct {
	conn   net.Conn
	reader *bufio.Reader
	out    []byte
	in     []byte
}

func newLink(ctx context.Context, dial func(ctx context.Context) (net.Conn, error)) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn, reader: bufio.NewReader(conn), in: make([]byte, maxEcho)}, nil
}

func (l *link) close() { _ = l.conn.Close() }

// relayHead is what a request to a relay begins with.
func relayHead(left, depth int, delay, drifts, pauses string) string {
	var b strings.Builder
	b.WriteString("POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\n" +
		leftHeader + ": " + strconv.Itoa(left) + "\r\n" + depthHeader + ": " + strconv.Itoa(depth) + "\r\n")
	// A header that says nothing is as long as one that does: what is sent differs in nothing else.
	b.WriteString(delayHeader + ": " + fmt.Sprintf("%-12s", delay+";")[:12] + "\r\n")
	for name, value := range map[string]string{driftHeader: drifts, pauseHeader: pauses} {
		if value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	return b.String()
}

// exchange sends one request and reads its answer, of which it returns the hops' times.
func (l *link) exchange(head string, body []byte) (took string, err error) {
	if err := l.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return "", err
	}
	l.out = append(l.out[:0], head...)
	l.out = append(l.out, "Content-Length: "...)
	l.out = strconv.AppendInt(l.out, int64(len(body)), 10)
	l.out = append(l.out, "\r\n\r\n"...)
	l.out = append(l.out, body...)
	if _, err := l.conn.Write(l.out); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(l.reader, nil)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK || response.ContentLength != int64(len(body)) {
		return "", fmt.Errorf("answered %s with %d bytes", response.Status, response.ContentLength)
	}
	if _, err := io.ReadFull(response.Body, l.in[:len(body)]); err != nil {
		return "", err
	}
	if !bytes.Equal(l.in[:len(body)], body) {
		return "", errors.New("the answer isn't what was sent")
	}
	return response.Header.Get(tookHeader), response.Body.Close()
}

// links are idle connections to the next relay.
type links struct {
	dial func(ctx context.Context) (net.Conn, error)
	mu   sync.Mutex
	idle []*link
}

func (p *links) exchange(ctx context.Context, head string, body []byte) (string, error) {
	for {
		l, err := p.take(ctx)
		if err != nil {
			return "", err
		}
		fresh := l.out == nil
		took, err := l.exchange(head, body)
		if err == nil {
			p.mu.Lock()
			p.idle = append(p.idle, l)
			p.mu.Unlock()
			return took, nil
		}
		l.close()
		if fresh || ctx.Err() != nil { // an idle one may have been closed meanwhile: then the next is tried
			return "", err
		}
	}
}

func (p *links) take(ctx context.Context) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		l := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return l, nil
	}
	return newLink(ctx, p.dial)
}
