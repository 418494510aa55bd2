// Package local is the driver whose cell is one machine: stamps are processes
// of their own users, in their own directories, on their own addresses, each
// watched by a supervisor of its own.
//
// What is where:
//
//	DATA/instance                 this data directory's id on the host
//	DATA/artifacts/               programs by digest (package artifact)
//	DATA/stamps/<tenant>/         one stamp (package layout)
//	DATA/backups/                 kept backups, unless elsewhere (package repository)
//	HOST/allocations.json         users, addresses, ports (package host)
//
// The driver itself keeps nothing in memory that matters. It hands a wish to
// the stamp's supervisor over a socket; the supervisor checks the fencing
// token, writes the wish to the stamp's manifest.json, and acts. Observe only
// reads what the supervisor left on disk, and asks the kernel.
//
// As root on Linux every kind of isolation that the kernel permits is used; a
// site says which. Without root it works the same with less.
package local
