// Package engine brings stamps to what their tenants wish: level-triggered,
// one tenant at a time in one goroutine, any number of tenants side by side.
//
// What happened does not matter, only what is and what should be. [Plan] says
// which steps are still missing, as a graph; [Decide] takes those that can
// start now. Both are pure, and their tables of tests are the specification.
// A step is in the plan exactly as long as its end is not seen, so a crash
// anywhere needs no recovery of its own: the next run plans what is left.
//
// The run of a tenant (run.go) is the only goroutine that writes its record:
//
//	for {
//		note what ended; plan; note what begins  // in memory
//		save stamp and operation in one guarded transaction
//		start the effects that begin             // each in a goroutine
//		wait for one to end, or for a newer wish
//	}
//
// So the ledger entry is there before the effect (PLANNED), and says so after
// it (PRESENT); a lost claim makes the save fail, and no effect follows.
package engine
