// Package rpc builds the gRPC servers and clients of all services, so that
// they agree on identity, errors, deadlines and telemetry.
//
// The contract of a server:
//
//   - NewServer listens, Serve serves; port 0 works. Serve ends with ctx: the
//     health service says NOT_SERVING, streams end with UNAVAILABLE, unary
//     calls get StopWithin to end, then they are cut.
//   - Callers prove who they are with a certificate of the same authority
//     whose URI is stampworks://service/NAME. Certificates are read again when
//     their files change. Without TLS a server listens on loopback only and
//     takes nobody's word for anything: only health and reflection answer.
//   - Every call passes the interceptors of package interceptor, in that order.
//   - Handlers return kinds (errs.Error) and find on whose behalf they work
//     with PrincipalFrom.
//
// The contract of a client:
//
//   - Dial returns at once. The server must prove to be the service that the
//     client expects; its host name does not matter.
//   - Calls that the transport failed (UNAVAILABLE) are tried up to four times
//     in all, with jitter; unary calls without a deadline get one. Nothing
//     waits for a server to appear.
//   - Errors come back as *errs.Error, with reason, violations and metadata.
//
// Example:
//
//	srv, err := rpc.NewServer(cfg.GRPC, rpc.ServerDeps{Log: log, Telemetry: tel, Service: "tenant-registry"})
//	registryv1.RegisterTenantServiceServer(srv.Registrar(), tenants)
//	group.Add("grpc", srv.Serve)
//
//	conn, err := rpc.Dial(cfg.Registry, rpc.ClientDeps{Log: log, Telemetry: tel, Service: "provisioner"})
//	tenants := registryv1.NewTenantServiceClient(conn)
package rpc
