// Package change makes the changes of what the stamps of a machine share: the
// allocations of its numbers, and its firewall.
//
// Each is made by a short-lived process of its own ([Serve], the program
// stamp-host), which a provisioner starts ([Host]) and which does not end with
// it. So a provisioner that is stopped or killed in the middle of a change keeps
// nobody else on the machine from the next: the change is finished without it.
// One whose own process is stopped is killed by who asked for it, or by who waits
// for its lock (package lockfile); every change is fine when it is cut short
// anywhere, and is asked for again.
//
// What an owner of before asks for too late finds nothing to do: numbers are
// given to no stamp that is destroyed, and elements of the firewall are there
// only while the file says whose they are.
package change
