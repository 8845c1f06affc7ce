package page

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"redoubt.example/services/platform/controls"
)

// policy allows what comes from here, and text never becomes a program: not by a script in it, not by innerHTML. A browser that
// refuses something by it reports that (record.go).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /refused"

// csrfField is what each POST carries of what its page was given.
const csrfField = "X-Redoubt-Csrf"

type csrfKey struct{}

// guard is before everything: a name that was made to resolve to loopback isn't our Host (DNS rebinding), and no other page
// may ask, whatever cookies its browser adds.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if s.on(controls.InfraPageCSP) {
			h.Set("Content-Security-Policy", policy)
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Host != s.host && s.on(controls.InfraPageHost) {
			s.deny(r, controls.InfraPageHost, "the request is for another name", "host", short(r.Host))
			http.Error(w, "This is the page of a lab at "+s.host+", and no other name.", http.StatusMisdirectedRequest)
			return
		}
		if why := s.foreign(r); why != "" && s.on(controls.InfraPageOrigin) {
			s.deny(r, controls.InfraPageOrigin, "another page asks", "origin", short(r.Header.Get("Origin")), "site", short(r.Header.Get("Sec-Fetch-Site")))
			http.Error(w, why, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says why a request isn't the page's own, or "". Opening by a link may begin anywhere; it needs the link.
func (s *Server) foreign(r *http.Request) string {
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case strings.HasPrefix(r.URL.Path, "/open/") && r.Method == http.MethodGet:
		return ""
	case site != "" && site != "same-origin" && site != "none":
		return "Another page asks."
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return ""
	case r.Header.Get("Origin") != "http://"+s.host, site == "none":
		return "Only the page itself changes something."
	}
	return ""
}

// membersOnly asks for a session, and on what changes something for its token.
func (s *Server) membersOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		csrf, ok := "", false
		if cookie, err := r.Cookie(s.cookie()); err == nil {
			csrf, ok = s.door.known(cookie.Value)
		}
		if !ok && s.on(controls.InfraPageSession) {
			s.deny(r, controls.InfraPageSession, "there is no session")
			s.plain(w, http.StatusUnauthorized, notice{Title: "Closed", Text: "This page opens with a link that works once. Get one in the terminal:", Command: s.cfg.Typed("page")})
			return
		}
		if s.changes(r) && s.on(controls.InfraPageOrigin) && subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfField)), []byte(csrf)) != 1 {
			s.deny(r, controls.InfraPageOrigin, "the token of the page is missing", "origin", short(r.Header.Get("Origin")))
			http.Error(w, "The token of the page is missing: reload it.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), csrfKey{}, csrf)))
	})
}

// open spends a link. The way on is a page, not a redirect: after one the browser would hold back the cookie, because
// whoever showed the link began the journey.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Purpose") != "" { // a browser that guesses what comes next
		http.Error(w, "A link isn't for reading ahead.", http.StatusForbidden)
		return
	}
	session, ok := s.door.enter(r.PathValue("token"), !s.on(controls.InfraPageSession))
	if !ok {
		s.deny(r, controls.InfraPageSession, "the link was used, or is too old")
		s.plain(w, http.StatusForbidden, notice{Title: "Spent", Text: "This link was used, or is too old. Get another in the terminal:", Command: s.cfg.Typed("page")})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife.Seconds())})
	s.plain(w, http.StatusOK, notice{Title: "Open", Text: "The lab's page is open.", Next: "/"})
}

// changes tells whether a request may change something. What a browser reports of its own accord doesn't, and brings no token.
func (s *Server) changes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Path != refusedPath
}

// cookie is one for each port: a browser keeps cookies by host alone, and labs lie side by side.
func (s *Server) cookie() string {
	_, port, _ := net.SplitHostPort(s.host)
	return "redoubt-lab-" + port
}
