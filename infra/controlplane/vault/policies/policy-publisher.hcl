# Signs policy bundles. Who may publish policy decides who gets in, so it is nobody's side job: neither a workload
# nor the operator has this right.
path "transit/sign/policy" { capabilities = ["update"] }
