# Accounts, authorizations and transfers belong to a principal.
package redoubt.payments

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

# Crediting and refunding is what staff do for others; topology.yaml gives these routes scopes of their own.
on_behalf := {"POST /v1/transfers", "POST /v1/transfers/{id}/refund"}

decision := shared.allowed if {
	shared.permitted
	may_touch
} else := shared.denied("maker-mismatch", "another service made this authorization") if {
	shared.permitted
	made_by_another
} else := shared.denial

may_touch if {
	shared.owned
	not made_by_another
}

may_touch if on_behalf[input.route]

# What a crash left open has no end user any more; the service that made the authorization may settle it.
may_touch if {
	input.route == "POST /v1/settlements"
	input.attributes.maker == input.caller
}

# An authorization is its maker's to settle: with the same user's token, another service still may not.
made_by_another if {
	input.attributes.maker
	input.attributes.maker != input.caller
}
