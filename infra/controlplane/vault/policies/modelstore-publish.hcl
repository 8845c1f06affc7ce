# Signs what is published; only this job can.
path "transit/sign/modelstore" { capabilities = ["update"] }
path "transit/keys/modelstore" { capabilities = ["read"] }
