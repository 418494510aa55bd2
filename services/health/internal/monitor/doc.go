// Package monitor keeps the health of every stamp: it follows the stamps,
// asks each component and each customer's URL at its own pace, and remembers
// what is held to be so across restarts.
//
// One replica asks at a time, under a claim; every replica answers, from what
// the asking one has written. Only transitions are written, and a sign of life
// now and then, so etcd stays small.
package monitor
