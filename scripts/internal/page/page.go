// Package page is a lab's page for a browser: its map while it runs, and buttons for what the verbs do.
//
// It does nothing in a way of its own. What it shows once and what its buttons do are the verbs themselves, run as
// `lab VERB --json` (verbs.go is the list of all that it may run); what streams (live.go) comes from the functions that the
// verbs use. It listens on loopback alone. Who opens it needs a link that `lab page` prints, which works once and not for
// long (door.go). Other pages in the same browser, and other programs on the machine, are kept out by guard.go: the Host, where
// a request comes from, a token on each POST, and a Content-Security-Policy under which no text can become a program.
package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/services/platform/alert"
)

// Config is the lab as the page sees it.
type Config struct {
	Port     int // 0: the kernel's choice
	Topology *topology.Topology
	Log      *slog.Logger
	Typed    func(verb string) string // what the person at hand types for a verb, for hints; nil: lab VERB
	Run      Run
	Measured func() (Measured, error) // what the profiles cost and stop; nil: nobody has measured it

	Status func(context.Context) control.Status
	Sample func(context.Context) (hops.Sample, error)
	Alerts func(context.Context, alert.Query) ([]alert.Alert, error)
	Events func(context.Context, alert.EventQuery) ([]alert.Event, error)
}

// Server is the page of one lab.
type Server struct {
	cfg      Config
	host     string // the only one that is served: 127.0.0.1 and our port
	listener net.Listener
	door     *door
	live     *live
	running  chan struct{} // a token for each verb that runs
	records  *rate.Limiter // of refusals in the log
	off      atomic.Pointer[[]string]
}

const (
	mostConnections = 64 // of all browsers; what a page needs is three or so
	mostHeader      = 16 << 10
	mostAtOnce      = 3  // verbs; each is a process
	mostRecords     = 50 // of refusals in a second: whoever reaches the port mustn't fill the disk
)

// Listen takes the port. Nothing is answered before Serve.
func Listen(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("the page's port: %w", err)
	}
	if cfg.Typed == nil {
		cfg.Typed = func(verb string) string { return "lab " + verb }
	}
	return &Server{cfg: cfg, host: listener.Addr().String(), listener: listener, door: newDoor(time.Now),
		live: newLive(cfg), running: make(chan struct{}, mostAtOnce), records: rate.NewLimiter(mostRecords, mostRecords)}, nil
}

// URL is where the page is. It opens with Link alone.
func (s *Server) URL() string { return "http://" + s.host + "/" }

// Address is host:port.
func (s *Server) Address() string { return s.host }

// Link returns a URL that opens the page once.
func (s *Server) Link() control.PageLink {
	token, expires := s.door.link()
	return control.PageLink{URL: s.URL() + "open/" + token, Expires: expires}
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: mostHeader, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(limit(s.listener, mostConnections)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the page: %w", err)
	}
	return nil
}

// Handler is all of the page, guarded.
func (s *Server) Handler() http.Handler {
	inside := http.NewServeMux()
	for _, v := range views {
		inside.HandleFunc("GET "+v.pattern(), s.show(v))
	}
	inside.HandleFunc("GET /api/{verb}", s.ask)
	inside.HandleFunc("POST /api/{verb}", s.order)
	inside.HandleFunc("GET /live", s.stream)
	inside.HandleFunc("GET "+frontierStyle, s.frontierStyle)
	inside.HandleFunc("POST "+refusedPath, s.refused)
	inside.HandleFunc("POST "+markupPath, s.markup)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /open/{token}", s.open)
	mux.Handle("GET /static/", http.StripPrefix("/static/", static()))
	mux.Handle("/", s.membersOnly(inside))
	return s.guard(mux)
}
