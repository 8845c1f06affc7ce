# Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this.
Kind = "service-intentions"
Name = "inference"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
]
