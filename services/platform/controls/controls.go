// Package controls is the register of the platform's security controls. An attack counts as blocked, and a
// threat as covered, only by a control that is in this table and has said so in a decision record.
package controls

// Layer says where in the system a control acts.
type Layer string

// The layers, from the outside in.
const (
	Edge  Layer = "edge"  // the gateway, towards the outside world
	Mesh  Layer = "mesh"  // between services, below HTTP
	App   Layer = "app"   // in each service, on each request
	Infra Layer = "infra" // what the services run on
)

// Control is one security mechanism.
type Control struct {
	ID       string
	Layer    Layer
	Owner    string // the process that enforces it; "service" is every service for itself
	Stops    string
	Standard string // what it follows, for the reader who wants to check
}

// Engine is the owner of what no process of ours enforces, but what runs containers does.
const Engine = "engine"

// Supervisor is the owner of what keeps the lab's page the operator's: no part of the platform, and so of no profile. It is on
// beside each.
const Supervisor = "supervisor"

// The IDs, for use in code; register below holds what each means.
const (
	EdgeTLS         = "edge.tls"
	EdgeAddress     = "edge.address"
	EdgeContainment = "edge.containment"
	EdgeLoadShed    = "edge.load-shed"
	EdgeDPoP        = "edge.dpop"
	EdgeCORS        = "edge.cors"
	EdgeLifecycle   = "edge.lifecycle"
	EdgeShape       = "edge.shape"
	EdgeRoutes      = "edge.routes"
	EdgeHeaders     = "edge.headers"
	EdgeBodyLimit   = "edge.body-limit"
	EdgeToken       = "edge.jwt.present"
	EdgeSignature   = "edge.jwt.signature"
	EdgeIssuer      = "edge.jwt.issuer"
	EdgeAudience    = "edge.jwt.audience"
	EdgeExpiry      = "edge.jwt.expiry"
	EdgeSubject     = "edge.jwt.subject"
	EdgeAPIKey      = "edge.apikey"
	EdgeScope       = "edge.scope"
	EdgeTimings     = "edge.timings"
	EdgeSchema      = "edge.schema"
	EdgeWAF         = "edge.waf"

	EdgeSlowClient    = "edge.slow-client"
	EdgeDecompression = "edge.decompression"

	EdgeLimitAddress   = "edge.limit.address"
	EdgeLimitPrincipal = "edge.limit.principal"
	EdgeLimitRoute     = "edge.limit.route"
	EdgeLimitCost      = "edge.limit.cost"

	MeshMTLS       = "mesh.mtls"
	MeshSPIFFE     = "mesh.spiffe"
	MeshIntention  = "mesh.intention"
	MeshPeerCred   = "mesh.peer-cred"
	AppTxnToken    = "app.txn-token"
	AppPolicy      = "app.policy"
	AppPolicyOwner = "app.policy.owner"

	AppPolicyBundle     = "app.policy.bundle"
	AppModelIntegrity   = "app.model.integrity"
	AppModelSignature   = "app.model.signature"
	AppPrompt           = "app.prompt"
	AppWebhookSSRF      = "app.webhook.ssrf"
	AppWebhookSignature = "app.webhook.signature"
	AppWebhookReplay    = "app.webhook.replay"
	AppIdempotency      = "app.idempotency"
	AppRedaction        = "app.redaction"
	AppEventsReporter   = "app.events.reporter"

	InfraDBLease = "infra.db-lease"
	InfraAttest  = "infra.attest"
	InfraCatalog = "infra.catalog"
	InfraLedger  = "infra.ledger"
	InfraVault   = "infra.vault-policy"
	InfraNetwork = "infra.network"

	InfraPageHost    = "infra.page.host"
	InfraPageOrigin  = "infra.page.origin"
	InfraPageSession = "infra.page.session"
	InfraPageWords   = "infra.page.words"
	InfraPageCSP     = "infra.page.csp"
)

var register = []Control{
	{EdgeTLS, Edge, "gateway", "reading or changing requests on the way to the gateway", "RFC 8446"},
	{EdgeAddress, Edge, "gateway", "requests from addresses on a deny list, and from countries that aren't served", "OWASP API4:2023"},
	{EdgeContainment, Edge, "gateway", "what was contained: a blocked address, a revoked token, key or account", "NIST SP 800-61r2 section 3.3"},
	{EdgeLimitAddress, Edge, "gateway", "more requests from one network than it may send, whoever it says that it is", "OWASP API4:2023"},
	{EdgeLoadShed, Edge, "gateway", "a flood that takes the time of honest clients: each has a share of what is in work", "OWASP API4:2023"},
	{EdgeCORS, Edge, "gateway", "use of the API by pages of origins that aren't listed", "Fetch standard, CORS protocol"},
	{EdgeLifecycle, Edge, "gateway", "use of a version of the API that has ended, and that nobody looks after any more", "RFC 8594, RFC 9745"},
	{EdgeShape, Edge, "gateway", "requests that two parsers could read differently, and oversized heads", "RFC 9112 section 11, RFC 9113 section 8"},
	{EdgeRoutes, Edge, "gateway", "reaching anything that isn't a published route", "OWASP API9:2023"},
	{EdgeHeaders, Edge, "gateway", "headers from outside that services inside would believe", "RFC 9110 section 7.6.1"},
	{EdgeBodyLimit, Edge, "gateway", "exhausting memory and backends with oversized bodies", "OWASP API4:2023"},
	{EdgeSlowClient, Edge, "gateway", "holding connections and memory by sending a byte at a time", "CWE-400, RFC 9110 section 15.5.9"},
	{EdgeToken, Edge, "gateway", "anonymous use of a route that needs a principal", "RFC 6750"},
	{EdgeSignature, Edge, "gateway", "forged access tokens, algorithm confusion included", "RFC 8725 section 3.1"},
	{EdgeIssuer, Edge, "gateway", "access tokens of another issuer", "RFC 9068 section 4"},
	{EdgeAudience, Edge, "gateway", "access tokens meant for another API", "RFC 9068 section 4"},
	{EdgeExpiry, Edge, "gateway", "use of an access token after, or before, its time", "RFC 7519 section 4.1.4"},
	{EdgeSubject, Edge, "gateway", "access tokens that name no principal", "RFC 9068 section 2.2"},
	{EdgeAPIKey, Edge, "gateway", "use of an API key that was never issued, was revoked or has expired", "OWASP API2:2023"},
	{EdgeDPoP, Edge, "gateway", "use of a stolen access token that is bound to a key", "RFC 9449"},
	{EdgeLimitPrincipal, Edge, "gateway", "more requests by one principal than it may send, from wherever", "OWASP API4:2023"},
	{EdgeLimitRoute, Edge, "gateway", "more requests of one client to one route than it may send", "OWASP API6:2023"},
	{EdgeLimitCost, Edge, "gateway", "more of the model's time than a client may use, however few its requests", "OWASP LLM10:2025"},
	{EdgeScope, Edge, "gateway", "use of a route that the access token wasn't granted", "RFC 6750 section 3.1"},
	{EdgeTimings, Edge, "gateway", "being told how long each step inside took: a side channel", "W3C Server Timing, Security Considerations"},
	{EdgeSchema, Edge, "gateway", "parameters, headers and bodies that the contract doesn't describe", "OpenAPI 3.1, RFC 7493"},
	{EdgeDecompression, Edge, "gateway", "bodies that grow when unpacked, or hide from inspection", "RFC 9110 section 15.5.16, CWE-409"},
	{EdgeWAF, Edge, "gateway", "known attack patterns in what goes on inside", "OWASP Core Rule Set 4"},
	{MeshMTLS, Mesh, "sidecar", "connections from outside the mesh, and reading or changing traffic in it", "RFC 8446"},
	{MeshSPIFFE, Mesh, "sidecar", "a certificate of this CA used as another service's identity", "SPIFFE X.509-SVID"},
	{MeshIntention, Mesh, "sidecar", "connections between services that topology.yaml doesn't list", "NIST SP 800-204B"},
	{MeshPeerCred, Mesh, "service", "a local process that connects past the sidecar", "SO_PEERCRED, unix(7)"},
	{AppTxnToken, App, "service", "acting for a principal without a transaction of the gateway's", "draft-ietf-oauth-transaction-tokens"},
	{AppPolicy, App, "service", "a caller, scope or route that topology.yaml doesn't allow", "NIST SP 800-207"},
	{AppPolicyOwner, App, "service", "access to another principal's objects", "OWASP API1:2023"},
	{AppPolicyBundle, App, "service", "rules that the publisher didn't sign, that are out of date, or that let anybody in", "DSSE v1.0.2"},
	{AppModelIntegrity, App, "modelstore", "serving a model whose bytes aren't those that were signed", "FIPS 180-4"},
	{AppModelSignature, App, "inference", "running a model that the publishing job didn't sign, or other weights under its name", "RFC 8032"},
	{AppPrompt, App, "inference", "text that speaks to a language model with another voice than its principal's", "OWASP LLM01:2025"},
	{AppWebhookSSRF, App, "notification", "webhook targets inside: loopback, private, link-local and metadata addresses", "OWASP API7:2023"},
	{AppWebhookSignature, App, "notification", "forged, altered or stale incoming webhooks", "Standard Webhooks"},
	{AppWebhookReplay, App, "notification", "an incoming webhook sent again", "Standard Webhooks"},
	{AppIdempotency, App, "service", "a request that takes effect twice, or is answered with another one's result", "draft-ietf-httpapi-idempotency-key-header"},
	{AppRedaction, App, "service", "credentials in logs, whoever put them into a message", "CWE-532, OWASP ASVS 5.0 V16.2.5"},
	{AppEventsReporter, App, "sentinel", "security events that are reported in another workload's name", "CWE-345, OWASP ASVS 5.0 V16.4.2"},
	{InfraDBLease, Infra, "vault", "use of a database credential after its lease", "NIST SP 800-57"},
	{InfraAttest, Infra, "vault", "a login as another workload, or by a stale identity document", "RFC 7523"},
	{InfraVault, Infra, "vault", "a workload that asks Vault for what is another's", "NIST SP 800-207"},
	{InfraCatalog, Infra, "consul", "an entry in the catalog under another service's name", "NIST SP 800-204A"},
	{InfraNetwork, Infra, Engine, "connections between containers, and to their host, that topology.yaml doesn't list", "NIST SP 800-190"},
	{InfraLedger, Infra, "postgres", "spending the same credits twice, or a second refund, however many ask at once", "CWE-362, OWASP API6:2023"},
	{InfraPageHost, Infra, Supervisor, "a foreign name that was made to lead to the lab's page (DNS rebinding)", "RFC 9110 section 7.4, CWE-350"},
	{InfraPageOrigin, Infra, Supervisor, "orders that another page has the operator's browser give (CSRF)", "Fetch Metadata Request Headers, CWE-352"},
	{InfraPageSession, Infra, Supervisor, "opening the lab's page with no link, or with one that was used", "OWASP ASVS 5.0 V7.2, CWE-294"},
	{InfraPageWords, Infra, Supervisor, "somebody's words that the lab's page would show as markup (XSS)", "CWE-79, OWASP ASVS 5.0 V1.2.1"},
	{InfraPageCSP, Infra, Supervisor, "markup in the lab's page that would become a program (XSS)", "Content Security Policy Level 3, Trusted Types"},
}

var byID = index(register)

func index(all []Control) map[string]Control {
	m := make(map[string]Control, len(all))
	for _, c := range all {
		m[c.ID] = c
	}
	return m
}

// All returns every control, in the order of the layers from the outside in. The slice is the caller's.
func All() []Control { return append([]Control(nil), register...) }

// Lookup returns the control with the ID.
func Lookup(id string) (Control, bool) {
	c, ok := byID[id]
	return c, ok
}
