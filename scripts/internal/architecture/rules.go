// Package architecture is the table of who may import whom, with the reason for each ban. Its test holds every package
// of the repository to it.
package architecture

import (
	"path"
	"slices"
	"strings"
)

const ours = "redoubt.example/"

// Import is one package importing another. Test says that only its tests do.
type Import struct {
	From, To string
	Test     bool
}

// rule says what packages below a prefix may import of ours, beside what lies below that prefix too.
type rule struct {
	below string // "*" matches one element
	may   []string
	why   string
}

// rules are tried in order: the first that matches the importer decides.
var rules = []rule{
	{"services/platform", []string{"infra/topology"},
		"the platform is built into every service: what it needs of infra is who may call whom, and no server's configuration"},
	{"services/sentinel", []string{"services/platform", "infra/topology"},
		"sentinel compares who calls whom with what topology.yaml lists; it meets other services over the mesh alone"},
	{"services/*", []string{"services/platform"},
		"services meet over the mesh, where identity and policy are checked; an import goes around both"},
	{"gateway", []string{"services/platform"},
		"the edge is one more workload: it knows what every service knows, and no service's inside"},
	{"infra", nil,
		"what everything runs on can't depend on what runs there"},
	{"threatmodel", nil,
		"threats are data that others refer to"},
	{"loadtest", []string{"threatmodel"},
		"an attack that shares code with its target shares its bugs"},
	{"scripts", []string{"gateway", "infra", "loadtest", "threatmodel", "services/platform"},
		"the lab starts services and asks them from outside, as anybody would"},
}

// testSupport may be imported by tests, and by packages that exist for tests (their names end in "test").
var testSupport = []string{"infra/topology", "infra/controlplane"}

// technology is what a service's domain must not know: it is plugged in by httpapi, postgres and their like.
var technology = []string{
	"github.com/labstack/echo", "database/sql", "github.com/jackc/pgx", "github.com/hashicorp/vault", "google.golang.org/grpc",
	ours + "services/platform/secrets", ours + "services/platform/httpserver",
}

// adapters are the packages of a service that are named after the technology they speak.
var adapters = []string{"httpapi", "grpcapi", "postgres"}

// Ban returns why an import isn't allowed, or "".
func Ban(i Import) string {
	from, isOurs := strings.CutPrefix(i.From, ours)
	if !isOurs {
		return ""
	}
	if !i.Test && isDomain(from) && slices.ContainsFunc(technology, func(t string) bool { return below(i.To, t) }) {
		return "a domain knows no technology: it is tested and read without it"
	}
	to, isOurs := strings.CutPrefix(i.To, ours)
	if !isOurs {
		return ""
	}
	forTests := i.Test || isTestSupport(from)
	if !forTests && isTestSupport(to) {
		return "what exists for tests has no place in a program"
	}
	if forTests && slices.ContainsFunc(testSupport, func(t string) bool { return below(to, t) }) {
		return ""
	}
	for _, r := range rules {
		root, matches := match(from, r.below)
		if !matches {
			continue
		}
		if below(to, root) || slices.ContainsFunc(r.may, func(m string) bool { return below(to, m) }) {
			return ""
		}
		return r.why
	}
	return "the table of imports doesn't know this folder"
}

// isTestSupport: like net/http/httptest, such a package is named after what it helps to test.
func isTestSupport(pkg string) bool {
	name := path.Base(pkg)
	return strings.HasSuffix(name, "test") && name != "attest"
}

// isDomain: a service's internal package that isn't named after a technology, and isn't below one that is.
func isDomain(from string) bool {
	parts := strings.Split(from, "/")
	return len(parts) >= 4 && parts[0] == "services" && parts[1] != "platform" && parts[2] == "internal" &&
		!slices.Contains(adapters, parts[3])
}

// match returns the part of a path that a pattern covers: "services/*" covers "services/payments".
func match(from, pattern string) (root string, ok bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(from, "/")
	if len(have) < len(want) {
		return "", false
	}
	for i, w := range want {
		if w != "*" && w != have[i] {
			return "", false
		}
	}
	return strings.Join(have[:len(want)], "/"), true
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
