package page

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"join": strings.Join}).ParseFS(templateFiles, "templates/*.tmpl"))

// view is one address of the page: a template and the module of its name.
type view struct {
	Path, Name, Title string
}

// pattern is the view's in a mux: of "/", that alone.
func (v view) pattern() string {
	if v.Path == "/" {
		return "/{$}"
	}
	return v.Path
}

var views = []view{
	{"/", "map", "Map"},
	{"/request", "request", "Request"},
	{"/attacks", "attacks", "Attacks"},
	{"/alerts", "alerts", "Alerts"},
	{"/controls", "controls", "Controls"},
	{"/threats", "threats", "Threats"},
	{"/exercises", "exercises", "Exercises"},
	{"/interviews", "interviews", "Interviews"},
	{"/secrets", "secrets", "Secrets"},
}

type shown struct {
	view
	Views  []view
	CSRF   string
	Markup bool // infra.page.words is off: words are taken for markup
	Typed  func(verb string) string
	Data   any
}

// notice is what whoever isn't in is told.
type notice struct {
	Title, Text, Command string
	Next                 string // where to go on
}

func (s *Server) show(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		csrf, _ := r.Context().Value(csrfKey{}).(string)
		render(w, http.StatusOK, v.Name, shown{v, views, csrf, !s.on(controls.InfraPageWords), s.cfg.Typed, s.data(v)})
	}
}

func (s *Server) plain(w http.ResponseWriter, status int, n notice) { render(w, status, "notice", n) }

func render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "the page can't be drawn: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the browser has gone: nobody to tell
}

// data is what a view's template draws of what doesn't change while the lab runs.
func (s *Server) data(v view) any {
	switch v.Name {
	case "map":
		return s.mapped()
	case "request":
		return s.requests()
	case "controls":
		return s.profiles()
	case "interviews":
		return threatmodel.ExerciseLevels
	}
	return nil
}

type mapped struct {
	Charts  []chart
	Edges   []connection
	Servers []string
}

// connection is what topology.yaml allows between two.
type connection struct {
	Caller, Callee, Says string
	Routes               []allowed
}

type allowed struct {
	Route  string
	Scopes []string
	Public bool // the caller's identity alone decides
}

func (s *Server) mapped() mapped {
	top := s.cfg.Topology
	m := mapped{Charts: []chart{draw(top, false), draw(top, true)}, Servers: []string{"sentinel", "vault", "consul", "postgres"}}
	for _, e := range edges(top) {
		c := connection{Caller: e.Caller, Callee: e.Callee, Says: top.Services[e.Callee].Summary}
		for _, r := range top.Services[e.Callee].Routes {
			if slices.Contains(r.Callers, e.Caller) {
				c.Routes = append(c.Routes, allowed{r.Route, r.Scopes, !r.NeedsPrincipal()})
			}
		}
		if e.Callee == "gateway" {
			for _, r := range top.Edge {
				c.Routes = append(c.Routes, allowed{r.Route, r.Scopes, r.Public})
			}
		}
		m.Edges = append(m.Edges, c)
	}
	return m
}

// request is one that the view offers: an edge route, with a body that it takes.
type request struct{ Method, Path, Body string }

// bodies are samples for routes that take one.
var bodies = map[string]string{
	"POST /v1/documents":  `{"title": "Minutes", "text": "The board agreed on Monday to publish the report."}`,
	"POST /v1/inferences": `{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}`,
}

// requests are the edge routes that need nothing but a token: those with a parameter a person completes.
func (s *Server) requests() (all []request) {
	for _, r := range s.cfg.Topology.Edge {
		method, path, _ := strings.Cut(r.Route, " ")
		body := bodies[r.Route]
		if (method == http.MethodGet || body != "") && !strings.Contains(path, "{") {
			all = append(all, request{method, path, body})
		}
	}
	return all
}

// static serves scripts and styles. They are the same for everybody, and hold nothing of a lab.
func static() http.Handler {
	files, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err) // it is embedded
	}
	return http.FileServerFS(files)
}
