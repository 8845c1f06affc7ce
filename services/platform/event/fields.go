package event

import (
	"maps"
	"slices"
)

// The fields that programs use by name; the table has all of them.
const (
	Action   = "event.action"
	Category = "event.category"
	Dataset  = "event.dataset"
	Outcome  = "event.outcome"
	Reason   = "event.reason"
	Type     = "event.type"
	Service  = "service.name"
	Caller   = "service.origin.name"
	Claimed  = "redoubt.claimed"
	RuleID   = "rule.id"

	CountryCode = "client.geo.country_iso_code"
	User        = "user.hash"
	Token       = "redoubt.token.hash"
	APIKey      = "redoubt.api_key"
	ClaimedUser = "redoubt.claimed_user.hash"
	Lost        = "redoubt.lost"
)

// DatasetPrefix comes before the name of a dataset, which is the category of a Sigma rule's logsource.
const DatasetPrefix = "redoubt."

// The datasets.
const (
	Decision  = DatasetPrefix + "decision"  // a control's decision record
	Access    = DatasetPrefix + "access"    // a request, as the gateway or a service answered it
	Lifecycle = DatasetPrefix + "lifecycle" // what a workload says of itself: certificates, logins, policies, controls that are off
	Vault     = DatasetPrefix + "vault"     // an answer of Vault's, of its audit log
	Postgres  = DatasetPrefix + "postgres"  // a refusal of PostgreSQL's
	Consul    = DatasetPrefix + "consul"    // a request that Consul didn't permit
)

// Datasets are all of them.
func Datasets() []string { return []string{Decision, Access, Lifecycle, Vault, Postgres, Consul} }

// field is what the table says of one.
type field struct {
	number bool
	list   bool // an array in the Elastic Common Schema; events have one value
	says   string
}

var table = map[string]field{
	Action:   {says: "what was done: decision, request, login, controls-off, ..."},
	Category: {list: true, says: "api, authentication, configuration, database, iam, network or web"},
	Dataset:  {says: "which kind of record it was made of"},
	Outcome:  {says: "success or failure"},
	Reason:   {says: "why, in the words of who decided"},
	Type:     {list: true, says: "access, allowed, denied, change, info or error"},

	"event.duration": {number: true, says: "of a request, in nanoseconds"},
	"log.level":      {says: "as it was logged: INFO, WARN, ..."},

	Service:               {says: "the workload that reports it"},
	"service.node.name":   {says: "which of its instances, or its sidecar"},
	"service.target.name": {says: "the upstream, component or server of whom it reports it"},
	Caller:                {says: "the workload that asked, proved; outside: a client of the gateway's; user: a person at Vault"},
	Claimed:               {says: "the workload that somebody said he is, and could not prove: a victim rather than who did it"},
	"source.ip":           {says: "where the connection came from"},
	"source.port":         {number: true, says: "its port"},
	"client.ip":           {says: "the client's address, as the gateway believes it"},
	CountryCode:           {says: "the country of that address, where the gateway has a database of them"},
	User:                  {says: "of the gateway: the pseudonym (package pseudonym) of the principal, whose credential was good"},
	Token:                 {says: "of the gateway: the pseudonym of the access token, which was good"},
	APIKey:                {says: "of the gateway: the public prefix of the API key, which was good"},
	ClaimedUser:           {says: "of the gateway: the pseudonym of the principal that a refused token names: a victim, maybe"},

	"process.pid":     {number: true, says: "the local process at the other end of a unix socket"},
	"process.user.id": {says: "its user"},

	"http.request.id":           {says: "the ID that ties the hops of a request together; in Vault, of its request"},
	"http.request.method":       {says: "the method of a request"},
	"http.response.status_code": {number: true, says: "the answer's status"},
	"http.response.bytes":       {number: true, says: "the size of its body"},
	"http.route":                {says: "topology.yaml's text of the route (OpenTelemetry's name: the schema has none)"},
	"trace.id":                  {says: "the trace at the gateway"},
	"url.path":                  {says: "in Vault and Consul, what was asked for"},

	RuleID:             {says: "the control that decided, of services/platform/controls"},
	"rule.category":    {says: "its layer"},
	"rule.name":        {says: "the policy's rule that decided"},
	"rule.version":     {says: "the revision of the policy that is in force"},
	"rule.uuid":        {says: "the ID of the policy's decision"},
	"file.hash.sha256": {says: "of weights, a manifest or a policy bundle"},
	"user.roles":       {says: "the role in Vault or PostgreSQL"},

	"redoubt.spiffe_id":     {says: "the SPIFFE ID in the certificate at the other end"},
	"redoubt.mode":          {says: "how: block or detect for the WAF, the mode of the mesh for a workload"},
	"redoubt.waf.score":     {number: true, says: "the WAF's score"},
	"redoubt.waf.rules":     {says: "the WAF's rules that matched"},
	"redoubt.object":        {says: "what differs from its declaration: its kind and name"},
	"redoubt.controls":      {says: "the controls that were switched off"},
	"redoubt.source":        {says: "the sender of a webhook"},
	"redoubt.headers":       {says: "the header fields by which a client claimed to be a service"},
	"redoubt.part":          {says: "in which part of a request the contract is broken"},
	"redoubt.permission":    {says: "what a token of Consul's lacks"},
	"redoubt.database":      {says: "the database of a login"},
	Lost:                    {number: true, says: "how many events a workload had to drop"},
	"redoubt.model":         {says: "the model's name"},
	"redoubt.model_version": {says: "the model's version"},
}

// Known tells whether events can have a field.
func Known(name string) bool { _, ok := table[name]; return ok }

// Number tells whether a field holds numbers.
func Number(name string) bool { return table[name].number }

// Fields are the names of all fields that events can have, sorted.
func Fields() []string { return slices.Sorted(maps.Keys(table)) }
