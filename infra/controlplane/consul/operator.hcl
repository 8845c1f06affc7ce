# The operator: configuration, intentions, tokens and API keys. Registering as a service is not among it.
acl      = "write"
operator = "write"
mesh     = "write"

agent_prefix "" { policy = "write" }
node_prefix ""  { policy = "read" }
key_prefix ""   { policy = "write" }

service_prefix "" {
  policy     = "read"
  intentions = "write"
}
