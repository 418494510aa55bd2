// Package monitor keeps the health of a shard's stamps: it is told of them,
// asks each component and each customer's URL at its own pace, and remembers
// what is held to be so across restarts.
//
// One replica asks at a time, under a claim; every replica answers, from what
// the asking one has written. A tenant is written when its health changes, and
// one sign of life now and then for all of them, so etcd stays small.
package monitor
