# Consul as the mesh's CA, with mounts and root made beforehand: it signs intermediates, and runs its own.
path "connect-root/"                                 { capabilities = ["read"] }
path "connect-root/+/pem"                            { capabilities = ["read"] }
path "connect-root/ca_chain"                         { capabilities = ["read"] }
path "connect-root/root/sign-intermediate"           { capabilities = ["update"] }
path "connect-root/config/auto-tidy"                 { capabilities = ["update"] }
path "connect-inter/*"                               { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/mounts/connect-inter/tune"                 { capabilities = ["update"] }
