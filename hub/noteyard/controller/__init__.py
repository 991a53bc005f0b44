"""The controller: loops that make desired state true."""
