# The certificate that it shows the outside world.
path "pki-edge/sign/gateway" { capabilities = ["update"] }
