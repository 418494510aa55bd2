package firewall

// Owner is a user and what is its alone.
type Owner struct {
	User int
	// Address is its loopback address, all ports of it.
	Address string
	// Ports are those that it alone may answer from, on any other address.
	Ports []int
}
