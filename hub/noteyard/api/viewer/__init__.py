"""What viewers of dashboards meet: ForwardAuth, the shell page on each dashboard's own host, tickets, renderings."""
