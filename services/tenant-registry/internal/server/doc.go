// Package server is the registry's gRPC surface, a file per resource. A handler
// parses names, calls the domain, and makes the message; what is refused is
// decided in the domain.
package server
