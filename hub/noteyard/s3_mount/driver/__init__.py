"""The node driver: mounts on behalf of sidecars, and hands them the descriptors."""
