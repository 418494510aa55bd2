// Package firewall lets only a stamp's own user, and root, talk to and answer
// from its addresses: on one machine any user can bind any loopback address
// while its owner is down, and would be given the passwords that its clients
// send.
//
// It also lets a stamp connect on its own machine to little more than itself:
// what listens on loopback trusts whoever comes that way.
//
// One nftables table for the whole host, "stampworks", shared by all instances
// on it. It has sets, an element per stamp, and rules that never change; it
// goes with the last element. What stamps may connect to is a second one,
// "stampworks-loopback".
package firewall
