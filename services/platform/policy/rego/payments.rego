# Accounts, authorizations and transfers belong to a principal.
package redoubt.payments

import data.redoubt.shared

# Crediting and refunding is what staff do for others; topology.yaml gives these routes scopes of their own.
staff := {"POST /v1/transfers", "POST /v1/transfers/{id}/refund"}

# The most that a service may hold of a principal's credits at once: what is worth more needs a person.
hold_limit := 50000

allow := "route-allowed" if shared.admitted

allow := "own-object" if {
	shared.owned
	not made_by_another
	not above_limit
}

allow := "staff-on-behalf" if {
	shared.permitted
	staff[input.route]
	input.owner != input.principal
}

# What a crash left open has no end user any more; the service that made the authorization may settle it.
allow := "settled-by-maker" if {
	shared.permitted
	input.route == "POST /v1/settlements"
	input.owner != input.principal
	input.attributes.maker == input.caller
}

# An authorization is its maker's to settle: with the same user's token, another service still may not.
made_by_another if {
	input.attributes.maker
	input.attributes.maker != input.caller
}

above_limit if {
	input.route == "POST /v1/authorizations"
	input.attributes.amount > hold_limit
}

denial := shared.denied("maker-mismatch", "another service made this authorization") if {
	shared.permitted
	made_by_another
} else := shared.denied("amount-limit", "a service may not hold so many credits at once") if {
	shared.permitted
	above_limit
} else := shared.denial
