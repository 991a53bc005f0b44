"""The `yard` command: runs, schedules and dashboards for people, in a lab with no set-up and anywhere with a token."""
