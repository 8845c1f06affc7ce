package redoubt.shared_test

import data.redoubt.shared

routes := {
	"GET /thing": {"callers": {"gateway": {"*": true}, "ingestion": {"POST /v1/documents": true}}, "scopes": {"things:read": true, "things:admin": true}, "principal": true},
	"GET /keys": {"callers": {"payments": {}}, "scopes": {}, "principal": false},
	"GET /malformed": {"callers": {"gateway": {"*": true}}, "scopes": {"things:read": true}},
}

good := {"caller": "gateway", "route": "GET /thing", "principal": "alice", "scopes": ["things:read"]}

changed(what) := object.union(good, what)

rule_of(request) := rule if {
	not shared.permitted with input as request with data.routes as routes
	rule := shared.denial.rule with input as request with data.routes as routes
}

test_denials if {
	rule_of(changed({"route": "GET /other"})) == "route-unknown"
	rule_of({}) == "route-unknown"
	rule_of(changed({"caller": "payments"})) == "caller-not-listed"
	rule_of(changed({"caller": ""})) == "caller-not-listed"
	rule_of(changed({"principal": ""})) == "principal-missing"
	rule_of(changed({"scopes": []})) == "scope-missing"
	rule_of(changed({"scopes": ["things:write"]})) == "scope-missing"
	rule_of({"caller": "gateway", "route": "GET /keys", "principal": "", "scopes": []}) == "caller-not-listed"
}

# A table entry that doesn't say whether it needs a principal lets nobody in.
test_malformed_route_denies if rule_of(changed({"route": "GET /malformed"})) == "outside-call-path"

# A token that ingestion got hold of outside the transaction that it was minted for.
test_replay_denies if {
	rule_of(changed({"caller": "ingestion", "entry": "GET /v1/account"})) == "outside-call-path"
	rule_of(changed({"caller": "ingestion"})) == "outside-call-path"
	rule_of(changed({"caller": "ingestion", "entry": "*"})) == "outside-call-path"
}

test_foreign_object_denied if {
	request := changed({"owner": "bob"})
	not shared.owned with input as request with data.routes as routes
	not shared.admitted with input as request with data.routes as routes
	shared.denial.rule == "owner-mismatch" with input as request with data.routes as routes
}

# "" owns nothing, not even what "" is said to own.
test_nobody_owns_nothing if {
	request := {"caller": "payments", "route": "GET /keys", "principal": "", "scopes": [], "owner": ""}
	shared.permitted with input as request with data.routes as routes
	not shared.owned with input as request with data.routes as routes
}

test_permitted if {
	shared.permitted with input as good with data.routes as routes
	shared.permitted with input as changed({"scopes": ["x", "things:admin"]}) with data.routes as routes
	shared.permitted with input as changed({"caller": "ingestion", "entry": "POST /v1/documents"}) with data.routes as routes
	shared.permitted with input as {"caller": "payments", "route": "GET /keys", "principal": "", "scopes": []} with data.routes as routes
}

test_owned if {
	shared.admitted with input as good with data.routes as routes
	not shared.owned with input as good with data.routes as routes
	shared.owned with input as changed({"owner": "alice"}) with data.routes as routes
}
