package edge

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"redoubt.example/gateway/internal/shape"
	"redoubt.example/gateway/internal/waf"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// checkShape refuses a request for its form, before anybody asks what it wants.
func checkShape(x *Exchange) error {
	v := shape.Check(x.Request())
	if v == nil {
		return nil
	}
	if v.Close {
		x.Response().Header().Set("Connection", "close")
	}
	kind := fault.Invalid
	if v.Path {
		kind = fault.NotFound
	}
	return x.Deny(controls.EdgeShape, kind, v.Reason)
}

// refuseCompressed lets no Content-Encoding in. Bodies here are a mebibyte of text at most, so little would be saved; and
// every limit, the contract, the rules and a webhook's signature are about the bytes as they are: there would be two
// forms of each body to disagree about, and bombs to be afraid of.
func refuseCompressed(x *Exchange) error {
	for _, value := range x.Request().Header["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(value), "identity") {
			x.Response().Header().Set("Accept-Encoding", "identity") // RFC 9110 section 12.5.3
			return x.Deny(controls.EdgeDecompression, fault.UnsupportedMedia, "a body is taken as it is, not compressed")
		}
	}
	return nil
}

// inspect asks the Core Rule Set about what goes on inside: the request line, the header fields that pass, the body.
func inspect(cfg Config) func(*Exchange) error {
	return func(x *Exchange) error {
		if cfg.WAF == nil {
			return nil
		}
		how := cfg.WAF.Of(x.Route.Route)
		if how.Mode == waf.Off {
			return nil
		}
		whole := cfg.WAF.Inspects(len(x.Body))
		if !whole && how.Mode == waf.Block { // or whoever adds enough spaces isn't inspected
			return x.Deny(controls.EdgeWAF, fault.TooLarge, "the body is longer than what this route inspects", "mode", string(how.Mode))
		}
		verdict, err := cfg.WAF.Inspect(how.Level, inspected(x, whole))
		if err != nil {
			return fmt.Errorf("inspect the request: %w", err)
		}
		if verdict.Clean() {
			return nil
		}
		found := []any{"rules", verdict.Rules, "score", verdict.Score, "paranoia_level", how.Level, "mode", string(how.Mode)}
		if verdict.Block && how.Mode == waf.Block {
			return x.Deny(controls.EdgeWAF, fault.Denied, "the request looks like an attack", found...)
		}
		reason := "a little of it looks like an attack"
		if verdict.Block {
			reason = "it looks like an attack; the route's mode is to detect"
		}
		controls.Record(x.Request().Context(), controls.EdgeWAF, controls.Allow, reason,
			append(found, "route", x.name(), "peer", x.Request().RemoteAddr)...)
		return nil
	}
}

// inspected is what the rules see: without its body, if not the whole. The host's name doesn't go on, and they would
// only find fault with a lab's address.
func inspected(x *Exchange, whole bool) waf.Request {
	r := x.Request()
	header := make(http.Header, len(x.Inner)+3)
	maps.Copy(header, x.Inner)
	header["Host"] = []string{"gateway"}
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		header["User-Agent"] = agent // scanners name themselves
	}
	body := x.Body
	if !whole {
		body = nil
		delete(header, "Content-Type")
	}
	if len(body) > 0 || r.Method != http.MethodGet {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	return waf.Request{Method: r.Method, URI: r.RequestURI, Proto: r.Proto, Address: x.peerAddress(), Header: header, Body: body}
}

// peerAddress is the client's as the connection has it, without the port.
func (x *Exchange) peerAddress() string {
	at := x.Request().RemoteAddr
	if end := strings.LastIndexByte(at, ':'); end >= 0 {
		at = at[:end]
	}
	return strings.Trim(at, "[]")
}

// checkWAF refuses a policy for routes that don't exist: a misspelt exception would be none.
func checkWAF(cfg Config) error {
	if cfg.WAF == nil {
		return nil
	}
	for _, route := range cfg.WAF.Routes() {
		if !slices.ContainsFunc(cfg.Routes, func(r Route) bool { return r.Route == route }) {
			return fmt.Errorf("the WAF's policy names %q, which isn't a route", route)
		}
	}
	return nil
}
