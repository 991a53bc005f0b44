"""In each pod of a person: serves the files of their folders, as an account that is not root and not theirs."""
