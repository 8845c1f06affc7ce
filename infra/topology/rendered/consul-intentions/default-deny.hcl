# Rendered from infra/topology/topology.yaml by `lab topology render`. Change that, not this.
Kind = "service-intentions"
Name = "*"
Sources = [
  { Name = "*", Action = "deny" },
]
