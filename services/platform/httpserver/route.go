package httpserver

import (
	"fmt"
	"regexp"
	"strings"
)

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

// echoRoute turns topology.yaml's "POST /v1/things/{id}:verb" into Echo's method and path: a colon starts a
// parameter there, so a literal one is escaped.
func echoRoute(route string) (method, path string, err error) {
	method, path, ok := strings.Cut(route, " ")
	if !ok {
		return "", "", fmt.Errorf("route %q is not HTTP", route)
	}
	path = strings.ReplaceAll(path, ":", `\:`)
	return method, parameter.ReplaceAllString(path, ":$1"), nil
}
