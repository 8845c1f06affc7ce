# Consul's one server: everything denied by default, TLS only, the Connect CA in Vault.
datacenter       = "dc1"
node_name        = "lab"
data_dir         = "[[.Dir]]/consul/data"
server           = true
bootstrap_expect = 1
bind_addr        = "127.0.0.1"
client_addr      = "[[.Listen]]"
encrypt          = "[[.GossipKey]]"

ports {
  https    = [[.Ports.ConsulHTTPS]]
  grpc_tls = [[.Ports.ConsulGRPC]]
  server   = [[.Ports.ConsulRPC]]
  serf_lan = [[.Ports.ConsulLAN]]
  http     = -1
  grpc     = -1
  dns      = -1
  serf_wan = -1
}

tls {
  defaults {
    ca_file         = "[[.CAFile]]"
    cert_file       = "[[.Dir]]/consul/tls.crt"
    key_file        = "[[.Dir]]/consul/tls.key"
    tls_min_version = "TLSv1_3"
    verify_outgoing = true
  }
  internal_rpc {
    verify_incoming        = true
    verify_server_hostname = true
  }
}

acl {
  enabled        = true
  default_policy = "deny"
}
default_intention_policy = "deny"

connect {
  enabled     = true
  ca_provider = "vault"
  ca_config {
    address               = "[[.VaultAddr]]"
    ca_file               = "[[.CAFile]]"
    root_pki_path         = "connect-root"
    intermediate_pki_path = "connect-inter"
    private_key_type      = "ec"
    private_key_bits      = 256
    leaf_cert_ttl         = "1h"
    # Consul logs in by a document that the supervisor keeps fresh: there is no token to steal from this file.
    auth_method {
      type       = "jwt"
      mount_path = "jwt"
      params {
        role = "consul"
        path = "[[.Dir]]/consul/vault.jwt"
      }
    }
  }
}

# A single server on an idle machine can afford the shortest election time-outs.
performance {
  raft_multiplier = 1
}

ui_config {
  enabled = false
}
peering {
  enabled = false
}
disable_update_check = true
disable_coordinates  = true
disable_remote_exec  = true
log_level            = "warn"
leave_on_terminate   = false
