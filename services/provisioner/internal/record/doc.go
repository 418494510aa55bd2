// Package record keeps what the provisioner knows in the store:
//
//	stamps/{cell}/{tenant}     what there is; written under the shard's claim
//	operations/{tenant}.{n}    what was and is done
//	placements/{tenant}        which cell, and what it reserves there
//	secrets/{tenant}           sealed
//	cells/{cell}               what its replica says of it
//	shapes/{time}-{tenant}     how long past operations took
//	verdicts/{time}            what readiness was answered
//
// A [Book] is the stamp and the open operation of one tenant in the hands of
// the one goroutine that owns them: both are saved in one transaction, guarded
// by the claim.
package record
