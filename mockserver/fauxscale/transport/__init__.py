"""Below HTTP: sockets, TLS, the protocol, and the application without any socket."""
