// Package host gives out what a whole machine has once: user numbers, loopback
// addresses, public ports. Several provisioners on one machine share one
// directory, so the allocations are one file, replaced as a whole, and changed
// under a lock.
//
// A stamp is known by the instance that made it (a data directory) and its
// tenant's uid, so a provisioner that crashed and asks again is given the same
// numbers. A number goes back only when its stamp is released, which the driver
// does when no process and no file of it is left, and numbers are given out in
// turn, so that one that was just given back rests longest.
package host
