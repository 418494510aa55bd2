// Package claim divides work among the replicas of a service: who is there, who
// holds what, and how a write proves that its writer still holds it.
//
// The contract:
//
//   - A claim is a key in etcd under its holder's lease. Its token is the key's
//     CreateRevision, so that a later holder always has a greater one.
//   - The function of a claim runs while the claim is held, once per holding. Its
//     context ends before the lease can have ended in etcd, by this replica's own
//     clock; return soon then. That is kind, not safe: a paused process notices
//     late. What makes it safe is Claim.Guard on every write.
//   - Shards of a cell go to the replicas that reach the cell by rendezvous
//     hashing. A free shard is taken at once; one that a living replica holds
//     moves only after Config.Settle without a change of membership. Named
//     claims stay where they are as long as their holder lives.
//   - A replica that stops gives everything back. One that is killed and
//     returns revokes the lease that it finds in its data directory, so its
//     claims are free at once. (etcd extends leases at a leader election, so
//     those of a killed single member would otherwise outlive its restart.)
//   - Two processes cannot use one data directory: the second fails in New.
package claim
