# Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this.
Kind = "service-intentions"
Name = "sentinel"
Sources = [
  { Name = "gateway", Action = "allow" },
  { Name = "inference", Action = "allow" },
  { Name = "ingestion", Action = "allow" },
  { Name = "modelstore", Action = "allow" },
  { Name = "notification", Action = "allow" },
  { Name = "payments", Action = "allow" },
]
