"""What Prometheus and a load balancer may ask: numbers at /metrics, health at /healthz.

picture   the numbers that are read when somebody asks: how things stand, and totals that others keep
counting  the numbers that are counted here: RPCs and calls of the cloud, around the real thing
server    both by HTTP
"""
