// Package driver is the contract between the provisioning engine and the code
// that makes stamps real in one kind of cell.
//
// The engine decides, writes its ledger, and only then calls a driver. A
// driver therefore never has to remember what it was asked for: every call
// carries the whole wish, and every verb may be called again with the same
// arguments, at any time, after any crash, with the same end.
//
// Every call that changes something carries the fencing token of the claim
// under which it is made. A driver refuses a token lower than the highest that
// it has seen for the stamp (see [ErrStaleToken]), so a replica that was
// paused while it lost its claim can do no harm when it wakes.
//
// The order of one stamp's life, as the engine calls it:
//
//	site, _ := d.Reserve(ctx, ref, request)    // directory, user, address, public port
//	_ = d.Ensure(ctx, ref, manifest, "db")     // the component is wished for, and runs
//	_ = d.EndJobs(ctx, ref, "db.setup-1")      // what an earlier owner left under way, but this one
//	res, _ := d.RunJob(ctx, ref, m, job)       // setup, migrate, smoke, task
//	obs, _ := d.Observe(ctx, ref)              // what there really is
//	_ = d.Stop(ctx, ref, "db")                 // ends it; data stays
//	_ = d.Destroy(ctx, ref)                    // nothing is left; the site is free again
//
// A driver that can tell more of why something does not run is a [Diagnoser], one
// that sees changes by itself a [Watcher].
//
// A driver that keeps backups is a [Keeper] too. What is kept outlives the
// stamp. A backup, and its return, perhaps into another stamp:
//
//	_ = k.ClearBackup(ctx, ref)                // whatever an earlier attempt left
//	res, _ := d.RunJob(ctx, ref, m, job)       // writes into m.Site.Backup
//	kept, _ := k.KeepBackup(ctx, ref, "b-3", nil)   // size and digest go into the record
//	_ = k.ClearBackup(ctx, ref)                // no second copy in the stamp
//	of := driver.BackupRef{Tenant: "acme", UID: uid, ID: "b-3", Digest: kept.Digest}
//	_ = k.CheckBackup(ctx, of)                 // before anything is stopped for it
//	_ = k.FetchBackup(ctx, other, of)
//	res, _ = d.RunJob(ctx, other, m, restore)  // reads m.Site.Backup
package driver
