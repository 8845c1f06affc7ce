# A demo user gets access tokens from the roles under their own name, which the operator makes: one per set of
# scopes, each within the user's own. They can't write a role, so no scope beyond that list can be had.
path "identity/oidc/token/{{identity.entity.name}}.*" { capabilities = ["read"] }
path "auth/token/lookup-self"                         { capabilities = ["read"] }
