// Package trampoline is what happens between fork and exec of a stamp's
// process: "stamp-supervisor exec" puts itself where the process is to run,
// gives up everything that it does not need, and becomes it.
//
// The order matters. As root, in a mount namespace of its own: join the
// control groups, make all of the machine's files read-only, hide the
// neighbours, give it its own /etc/passwd, /tmp and /dev/shm. Then record its own identity under its nonce: from there on a
// supervisor that finds the record will find the process. Then limits, no new
// privileges, group, user, working directory, exec.
//
// The specification comes over a pipe (it holds secrets), the outcome goes
// back over another, which a successful exec closes. Standard library only.
package trampoline
