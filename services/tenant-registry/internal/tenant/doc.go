// Package tenant keeps what we want for each customer, and what the provisioner
// last reported about it.
//
// The contract:
//
//   - A tenant is two keys: tenants/{id}/spec, the wish, and tenants/{id}/status,
//     the last report. Etag and generation are of the spec alone; a report
//     changes neither. State is computed from both, never stored as truth.
//   - Every change of the wish is one transaction: the spec, compared with what
//     was read, the timeline entry, and whatever makes the request repeatable.
//     A change that changes nothing writes nothing.
//   - generation counts the changes that concern the stamp. Labels, annotations,
//     the deal, the contact and deletion_protection concern people only; holds,
//     maintenance_window and drift_policy say when the provisioner acts. They
//     change the etag and leave the generation.
//   - A deal makes one tenant, ever: deals/{source}/{sha256 of its id} is made in
//     the transaction that makes the tenant, and never removed.
//   - A purged tenant leaves tombstones/{id}, with its receipt: its id is not used
//     again.
//   - purges/lately counts the purges that began in the last hour, in the
//     transaction that begins each: too many are refused, with any number of
//     replicas.
//   - A hold changes nothing that the stamp is: changes go on being taken in, and
//     the provisioner lets them wait. Holds and overrides end by themselves.
package tenant
