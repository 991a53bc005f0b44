"""The commands of `noteyard`, one module a noun. What a command needs is imported inside it: `--help` stays fast."""
