// Package echo is a gRPC service for the tests of package rpc: every shape of
// call, with access and validation options, and a handler that each test
// writes itself. It is described at run time, so no generated code is shipped.
package echo
