// Package testkit is what tests of every module share: a real etcd inside the
// test's process, waiting with a deadline, free ports, a log that goes to the
// test. Nothing but tests imports it.
package testkit
