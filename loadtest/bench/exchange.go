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
	"time"
)

// bodySize is what one request carries, both ways.
const bodySize = 512

// exchanger speaks HTTP/1.1 on one connection from one goroutine: net/http's client would add two hand-offs between
// goroutines to each request, with a spread larger than what is measured.
type exchanger struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	body    []byte
	rest    time.Duration
}

func dial(ctx context.Context, t Target) (*exchanger, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	conn, err := t.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", t.Name, err)
	}
	body := bytes.Repeat([]byte("r"), bodySize)
	head := "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return &exchanger{conn: conn, reader: bufio.NewReader(conn), request: append([]byte(head), body...), body: make([]byte, bodySize), rest: t.rest}, nil
}

// exchange sends one request and returns when its answer is read, with the time between.
func (e *exchanger) exchange() (time.Duration, error) {
	if err := e.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return 0, err
	}
	if e.rest > 0 {
		spinFor(time.Now(), e.rest)
	}
	began := time.Now()
	if _, err := e.conn.Write(e.request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(e.reader, nil)
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK || response.ContentLength != bodySize {
		return 0, fmt.Errorf("answered %s with %d bytes", response.Status, response.ContentLength)
	}
	if _, err := io.ReadFull(response.Body, e.body); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if !bytes.Equal(e.body, e.request[len(e.request)-bodySize:]) {
		return 0, errors.New("the answer isn't what was sent")
	}
	return took, response.Body.Close()
}

// download gets one large body and returns the bytes per second that it came with.
func (e *exchanger) download(size int64) (float64, error) {
	if err := e.conn.SetDeadline(time.Now().Add(2 * exchangeTimeout)); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := fmt.Fprintf(e.conn, "GET /bytes?n=%d HTTP/1.1\r\nHost: bench\r\n\r\n", size); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(e.reader, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, response.Body, make([]byte, 256<<10))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came instead of %d", n, size)
	}
	return float64(n) / time.Since(began).Seconds(), err
}

func (e *exchanger) close() { _ = e.conn.Close() }

// Check makes one request over a connection of its own.
func (t Target) Check(ctx context.Context) error {
	way, err := dial(ctx, t)
	if err != nil {
		return err
	}
	defer way.close()
	if _, err := way.exchange(); err != nil {
		return fmt.Errorf("request to %s: %w", t.Name, err)
	}
	return nil
}
