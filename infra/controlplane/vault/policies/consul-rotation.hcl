# Besides its policy for the CA before and the one after, Consul may do this while the mesh's root is rotated, and no
# longer: have the old root vouch for the new one, and remove the old intermediate with its key.
path "connect-root/root/sign-self-issued" { capabilities = ["update", "sudo"] }
path "sys/mounts/connect-inter"           { capabilities = ["delete"] }
