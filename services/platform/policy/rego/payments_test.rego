package redoubt.payments_test

import data.redoubt.payments

routes := {
	"POST /v1/authorizations": {"callers": {"ingestion": {"POST /v1/documents": true}}, "scopes": {"documents:write": true}, "principal": true},
	"POST /v1/authorizations/{id}/capture": {"callers": {"ingestion": {"POST /v1/documents": true}, "inference": {"POST /v1/inferences": true}}, "scopes": {"documents:write": true}, "principal": true},
	"POST /v1/transfers": {"callers": {"gateway": {"*": true}}, "scopes": {"payments:credit": true}, "principal": true},
	"POST /v1/transfers/{id}/refund": {"callers": {"gateway": {"*": true}}, "scopes": {"payments:refund": true}, "principal": true},
	"GET /v1/account": {"callers": {"gateway": {"*": true}}, "scopes": {"account:read": true}, "principal": true},
	"POST /v1/settlements": {"callers": {"ingestion": {}, "inference": {}}, "scopes": {}, "principal": false},
}

account := {"caller": "gateway", "route": "GET /v1/account", "principal": "alice", "scopes": ["account:read"]}

capture := {"caller": "ingestion", "route": "POST /v1/authorizations/{id}/capture", "principal": "alice", "entry": "POST /v1/documents", "scopes": ["documents:write"], "owner": "alice"}

settle := {"caller": "ingestion", "route": "POST /v1/settlements", "principal": "", "scopes": [], "owner": "alice"}

refund := {"caller": "gateway", "route": "POST /v1/transfers/{id}/refund", "principal": "carol", "scopes": ["payments:refund"], "owner": "alice"}

denied_by(request, rule) if {
	not payments.allow with input as request with data.routes as routes
	payments.denial.rule == rule with input as request with data.routes as routes
}

allowed_by(request, rule) if payments.allow == rule with input as request with data.routes as routes

test_only_refund_scope_refunds if {
	denied_by(object.union(refund, {"scopes": ["payments:credit", "account:read"]}), "scope-missing")
	denied_by(object.union(refund, {"caller": "ingestion"}), "caller-not-listed")
	denied_by(object.union(refund, {"principal": ""}), "principal-missing")
	allowed_by(refund, "staff-on-behalf")
	allowed_by(object.union(refund, {"owner": "carol"}), "own-object")
}

test_another_ledger_denied if {
	denied_by(object.union(account, {"owner": "bob"}), "owner-mismatch")
	allowed_by(object.union(account, {"owner": "alice"}), "own-object")
}

test_admitted if {
	allowed_by(account, "route-allowed")
	allowed_by(object.remove(refund, ["owner"]), "route-allowed")
	allowed_by(object.remove(settle, ["owner"]), "route-allowed")
}

# Staff may act on others' accounts by the staff routes, and by no other.
test_staff_scope_opens_no_other_route if {
	request := {"caller": "gateway", "route": "GET /v1/account", "principal": "carol", "scopes": ["account:read", "payments:refund"], "owner": "alice"}
	denied_by(request, "owner-mismatch")
}

test_authorization_is_its_makers if {
	denied_by(object.union(capture, {"attributes": {"maker": "inference"}}), "maker-mismatch")
	allowed_by(object.union(capture, {"attributes": {"maker": "ingestion"}}), "own-object")
}

test_settling if {
	denied_by(object.union(settle, {"attributes": {"maker": "inference"}}), "maker-mismatch")
	denied_by(settle, "owner-mismatch")
	denied_by(object.union(settle, {"caller": "gateway", "attributes": {"maker": "gateway"}}), "caller-not-listed")
	allowed_by(object.union(settle, {"attributes": {"maker": "ingestion"}}), "settled-by-maker")
}

test_holds_are_limited if {
	hold := object.union(capture, {"route": "POST /v1/authorizations"})
	denied_by(object.union(hold, {"attributes": {"maker": "ingestion", "amount": 50001}}), "amount-limit")
	allowed_by(object.union(hold, {"attributes": {"maker": "ingestion", "amount": 50000}}), "own-object")
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not payments.allow with input as account with data.routes as routes with data.redoubt.shared.permitted as false
