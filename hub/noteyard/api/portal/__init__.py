"""The portal: pages for people, rendered on the server, alive by htmx."""
