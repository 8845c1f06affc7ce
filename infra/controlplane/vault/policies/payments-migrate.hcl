# The schema's owner, for as long as a migration takes. The running service has no such right.
path "database/creds/payments-migrate"                 { capabilities = ["read"] }
path "sys/leases/revoke/database/creds/payments-migrate/*" { capabilities = ["update"] }
