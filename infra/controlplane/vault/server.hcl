# Vault's server. File storage: it survives a restart, and a single node needs no election, so unsealing takes
# milliseconds where raft takes a second.
storage "file" {
  path = "[[.Dir]]/vault/data"
}

listener "tcp" {
  address         = "[[.Listen]]:[[.Ports.Vault]]"
  tls_cert_file   = "[[.Dir]]/vault/tls.crt"
  tls_key_file    = "[[.Dir]]/vault/tls.key"
  tls_min_version = "tls13"
}

api_addr     = "[[.VaultAddr]]"
cluster_addr = "https://127.0.0.1:[[.Ports.VaultCluster]]"

# mlock needs a capability that an ordinary user hasn't; a machine with secrets worth more has its swap encrypted.
disable_mlock = true
ui            = false
log_level     = "warn"

default_lease_ttl = "1h"
max_lease_ttl     = "768h"

telemetry {
  disable_hostname    = true
  usage_gauge_period  = "none"
}
