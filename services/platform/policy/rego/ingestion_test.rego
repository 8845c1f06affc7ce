package redoubt.ingestion_test

import data.redoubt.ingestion

routes := {"GET /v1/documents/{id}": {"callers": {"gateway": {"*": true}}, "scopes": {"documents:read": true}, "principal": true}}

good := {"caller": "gateway", "route": "GET /v1/documents/{id}", "principal": "alice", "scopes": ["documents:read"]}

test_stranger_denied if not ingestion.allow with input as object.union(good, {"caller": "stranger"}) with data.routes as routes

test_other_scope_denied if not ingestion.allow with input as object.union(good, {"scopes": ["other"]}) with data.routes as routes

test_foreign_object_denied if {
	ingestion.denial.rule == "owner-mismatch" with input as object.union(good, {"owner": "bob"}) with data.routes as routes
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not ingestion.allow with input as good with data.routes as routes with data.redoubt.shared.permitted as false

test_own_object_allowed if {
	ingestion.allow with input as object.union(good, {"owner": "alice"}) with data.routes as routes
	ingestion.allow with input as good with data.routes as routes
}
