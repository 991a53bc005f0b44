"""One machine: local processes, an embedded S3 server and Traefik under a supervisor."""
