// Package timeline keeps who changed what about a tenant, when and why.
//
// An entry is an operation of the same transaction as the change that it tells
// of: there is never one without the other. Keys sort by time. Entries are kept
// for Retention, and outlive a purged tenant.
package timeline
