# Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this.
Kind = "service-intentions"
Name = "payments"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "inference", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
]
