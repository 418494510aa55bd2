// Package interceptor holds what every call to a server of ours passes
// through, a file each, in the one order that Chain fixes:
//
//	recovery    a panic ends the call, not the process
//	log         one access line; the cause of a failure, once
//	errors      error kinds become statuses, unknown texts are hidden
//	stopping    streams end when the server begins to stop
//	deadline    a unary call that brings no deadline gets one
//	peer        which service calls: the URI in its certificate
//	principal   on whose behalf; only the gateway may say
//	access      the method's callers and permission (type.v1.access)
//	validation  the buf.validate rules of the request
//
// What is refused is refused before the handler sees it, and by kinds
// (errs.Error), as handlers do. Each interceptor is written once and serves
// unary and streaming calls alike.
package interceptor
