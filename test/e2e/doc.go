// Package e2e runs the real programs from outside: `make e2e`. Its tests are
// behind the build tag e2e; what they share is in the package harness. Run as
// root they see stamps with users of their own, else without; with PostgreSQL's
// programs the helpdesk, else helpdesk-lite.
//
//	E2E_SEED=7    repeats the random moments and orders that a test printed
//	E2E_KEEP=1    leaves the folder of a failed test for a look
//	E2E_ETCD=PATH an etcd program to use instead of building the pinned one
package e2e
