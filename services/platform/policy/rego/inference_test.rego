package redoubt.inference_test

import data.redoubt.inference

routes := {"/redoubt.inference.v1.InferenceService/Classify": {"callers": {"ingestion": {"POST /v1/documents": true}}, "scopes": {"documents:write": true}, "principal": true}}

good := {"caller": "ingestion", "route": "/redoubt.inference.v1.InferenceService/Classify", "principal": "alice", "entry": "POST /v1/documents", "scopes": ["documents:write"]}

test_stranger_denied if not inference.allow with input as object.union(good, {"caller": "stranger"}) with data.routes as routes

test_other_scope_denied if not inference.allow with input as object.union(good, {"scopes": ["other"]}) with data.routes as routes

test_foreign_object_denied if {
	inference.denial.rule == "owner-mismatch" with input as object.union(good, {"owner": "bob"}) with data.routes as routes
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not inference.allow with input as good with data.routes as routes with data.redoubt.shared.permitted as false

test_own_object_allowed if {
	inference.allow with input as object.union(good, {"owner": "alice"}) with data.routes as routes
	inference.allow with input as good with data.routes as routes
}
