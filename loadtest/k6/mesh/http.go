package mesh

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/grafana/sobek"
)

// Request is one HTTP/1.1 request on a connection of its own, its bytes exactly as the script says.
type Request struct {
	Address string     `js:"address"`
	From    string     `js:"from"` // a loopback address of this machine to come from
	TLS     *TLS       `js:"tls"`
	Prefix  Bytes      `js:"prefix"` // sent before TLS and HTTP: a PROXY header
	Method  string     `js:"method"`
	Path    string     `js:"path"`
	Headers [][]string `js:"headers"` // [name, value], in order, as often as they are there
	Body    Bytes      `js:"body"`
	Bare    bool       `js:"bare"` // add no Host, Content-Length and Connection
	Raw     Bytes      `js:"raw"`  // instead of all the above: the bytes
	Timeout int        `js:"timeout"`
}

// Response is what came back, if anything did.
type Response struct {
	Failure
	Status   int               `js:"status"` // 0: no response
	Proto    string            `js:"proto"`
	Headers  map[string]string `js:"headers"` // names in lower case
	Trailers map[string]string `js:"trailers"`
	Body     string            `js:"body"`
	Local    string            `js:"local"` // our own address, as the other side saw it
	More     string            `js:"more"`  // what came after the response: a second one, of a smuggled request
}

func (i *instance) http(r Request) (*Response, error) { return i.send(i.vu.Context(), r) }

func (i *instance) send(ctx context.Context, r Request) (*Response, error) {
	ctx, cancel := limit(ctx, r.Timeout)
	defer cancel()
	out := &Response{Headers: map[string]string{}, Trailers: map[string]string{}}
	conn, err := i.open(from(ctx, r.From), r.Address, r.Prefix, r.TLS)
	if conn != nil {
		defer conn.Close()
		out.Local = localAddr(conn)
	}
	if err != nil {
		return out, failed(err, &out.Failure)
	}
	wrote := make(chan error, 1)
	go func() { // a server may answer, and close, before it has read all
		_, err := conn.Write(r.bytes())
		wrote <- err
	}()
	if err := out.read(conn, r.Method); err != nil {
		select {
		case sending := <-wrote:
			if sending != nil {
				err = fmt.Errorf("%w (while sending: %w)", err, sending)
			}
		default:
		}
		return out, failed(err, &out.Failure)
	}
	return out, nil
}

func (r Request) bytes() []byte {
	if len(r.Raw) > 0 {
		return r.Raw
	}
	var out bytes.Buffer
	method, path := r.Method, r.Path
	if method == "" {
		method = http.MethodGet
	}
	if path == "" {
		path = "/"
	}
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\n", method, path)
	given := map[string]bool{}
	for _, h := range r.Headers {
		given[strings.ToLower(strings.TrimSpace(h[0]))] = true
		fmt.Fprintf(&out, "%s: %s\r\n", h[0], h[1])
	}
	if !r.Bare {
		host := r.Address
		if strings.HasPrefix(host, "unix:") {
			host = "lab"
		}
		for _, h := range [][2]string{{"Host", host}, {"Content-Length", fmt.Sprint(len(r.Body))}, {"Connection", "close"}} {
			if !given[strings.ToLower(h[0])] && (h[0] != "Content-Length" || (len(r.Body) > 0 && !given["transfer-encoding"])) {
				fmt.Fprintf(&out, "%s: %s\r\n", h[0], h[1])
			}
		}
	}
	out.WriteString("\r\n")
	out.Write(r.Body)
	return out.Bytes()
}

func (r *Response) read(conn io.Reader, method string) error {
	buffered := bufio.NewReader(io.LimitReader(conn, maxBytes))
	res, err := http.ReadResponse(buffered, &http.Request{Method: method})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	r.Status, r.Proto = res.StatusCode, res.Proto
	body, err := io.ReadAll(res.Body)
	r.Body = string(body)
	flatten(res.Header, r.Headers)
	flatten(res.Trailer, r.Trailers)
	if err == nil && buffered.Buffered() > 0 {
		more, _ := buffered.Peek(buffered.Buffered())
		r.More = string(more)
	}
	return err
}

func flatten(from http.Header, into map[string]string) {
	for name, values := range from {
		into[strings.ToLower(name)] = strings.Join(values, ", ")
	}
}

// race sends requests at the same time, each on a connection of its own, and returns the responses in their order.
func (i *instance) race(list sobek.Value) ([]*Response, error) {
	var requests []Request
	wrapper := struct {
		Requests []Request `js:"requests"`
	}{}
	if err := fill(map[string]any{"requests": list.Export()}, reflect.ValueOf(&wrapper).Elem(), ""); err != nil {
		return nil, fmt.Errorf("k6/x/mesh: race: %w", err)
	}
	if requests = wrapper.Requests; len(requests) > maxRace {
		return nil, fmt.Errorf("k6/x/mesh: race: at most %d requests at a time", maxRace)
	}
	responses, errs := make([]*Response, len(requests)), make([]error, len(requests))
	var all sync.WaitGroup
	start := make(chan struct{})
	for n, r := range requests {
		all.Go(func() {
			<-start
			responses[n], errs[n] = i.send(i.vu.Context(), r)
		})
	}
	close(start)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("k6/x/mesh: race: %w", err)
		}
	}
	return responses, nil
}
