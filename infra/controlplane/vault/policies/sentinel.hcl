# Credentials for its own database; renewing and revoking those leases, not another's.
path "database/creds/sentinel"                 { capabilities = ["read"] }
path "sys/leases/renew/database/creds/sentinel/*"  { capabilities = ["update"] }
path "sys/leases/revoke/database/creds/sentinel/*" { capabilities = ["update"] }

# The public key that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
