package control

import (
	"net/http"
	"net/http/httputil"
	"net/url"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/unixhttp"
)

// Sentry is a Lab that can ask its sentinel.
type Sentry interface {
	// Sentinel answers what sentinel's admin socket does.
	Sentinel() http.Handler
}

// sentryPath is where a lab passes questions on to its sentinel.
const sentryPath = "/v1/sentinel"

// Sentinel returns a client of the lab's sentinel, by the lab.
func (c *Client) Sentinel() *sentinel.Client {
	return sentinel.NewClientBy(c.http, "http://lab"+sentryPath)
}

// PassOn answers by the lab that the client asks: of a lab whose control plane another process attends to.
func (c *Client) PassOn() http.Handler { return pass(c.http, "http://lab"+sentryPath) }

// SentinelAt answers by the sentinel with this admin socket.
func SentinelAt(socket string) http.Handler { return pass(unixhttp.Client(socket), "http://sentinel") }

// pass hands questions to a server as they are.
func pass(by *http.Client, base string) http.Handler {
	to, err := url.Parse(base)
	if err != nil {
		panic(err) // it is a constant
	}
	return &httputil.ReverseProxy{
		Transport: by.Transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway) // sentinel.ErrAway to who asked
		},
	}
}

// handleSentry passes questions on; what changes something stays with who may open the socket itself.
func handleSentry(mux *http.ServeMux, s Sentry) {
	mux.Handle("GET "+sentryPath+"/", http.StripPrefix(sentryPath, s.Sentinel()))
}
