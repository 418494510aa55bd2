// Package etcd is the store backend over etcd 3.
//
// An operation whose context has no deadline gets OperationTimeout. Operations
// are traced with OpenTelemetry, watches and lease keep-alives are not: they
// never end. Watches require a leader, so a member that was cut off from its
// cluster ends them instead of falling silent.
package etcd
