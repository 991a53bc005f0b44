"""Real parts for tests: databases, people, releases, servers."""
