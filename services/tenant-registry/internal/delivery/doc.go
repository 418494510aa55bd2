// Package delivery takes messages from CRMs in and turns the deals in them into
// tenants.
//
// The contract:
//
//   - Store, then acknowledge. A proven message becomes, in one transaction, a
//     record, its body and an entry in the queue; only then is it answered. Its id
//     is the SHA-256 of the sender's event id: the same event again only counts.
//   - Worked on afterwards, by whichever replica is first: the outcome is written
//     under the condition that the queue entry is as it was read. Who is second
//     has done nothing. A replica that dies leaves the entry to the others.
//   - A deal's tenant, the delivery's outcome and the end of the queue entry are
//     one transaction: one deal makes one tenant, through crashes and races.
//   - An outcome is never an error to the sender: what is wrong in a stored
//     message is for a person here to put right, and to replay.
package delivery
