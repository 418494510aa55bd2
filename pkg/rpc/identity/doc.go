// Package identity says who calls: the peer, which is a service proven by its
// certificate, and the principal, which is the person, token or service on
// whose behalf it calls. It also holds the roles and what they may do.
package identity
