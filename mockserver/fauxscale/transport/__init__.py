"""Transport: sockets, TLS, the HTTP protocol, and running the application without a socket."""
