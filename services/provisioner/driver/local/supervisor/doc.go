// Package supervisor keeps the processes of one stamp running. Standard
// library only: it is the program that runs longest, as root, beside every
// customer.
//
// Its one input is the stamp's record on disk (control.Record), which it
// writes itself when the driver asks for a change, before the change. Killed
// at any point, its successor reads the record, finds what runs by nonce, pid
// and start time, adopts it, and restarts nothing.
//
// A component's processes write to their log file directly, so they do not
// notice either; the supervisor rotates by copying and truncating.
package supervisor
