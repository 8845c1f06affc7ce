# Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this.
# Each block is one config entry; everything that isn't here is denied (default_intention_policy = "deny").

Kind = "service-intentions"
Name = "gateway"
Sources = [
  { Name = "inference", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
  { Name = "notification", Action = "allow" },
  { Name = "payments", Action = "allow" },
]

Kind = "service-intentions"
Name = "inference"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
]

Kind = "service-intentions"
Name = "ingestion"
Sources = [
  { Name = "gateway", Action = "allow" },
]

Kind = "service-intentions"
Name = "modelstore"
Sources = [
  { Name = "inference", Action = "allow" },
]

Kind = "service-intentions"
Name = "notification"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
]

Kind = "service-intentions"
Name = "payments"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "inference", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
]
