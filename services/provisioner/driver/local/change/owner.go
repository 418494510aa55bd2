package change

import (
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/host"
)

// Owner is a stamp as the firewall knows it.
func Owner(a host.Allocation) firewall.Owner {
	o := firewall.Owner{User: a.User, Address: a.Address}
	for _, port := range a.Ports {
		o.Ports = append(o.Ports, port)
	}
	return o
}

// Lacking gives those of the stamps that have users of their own and that a look
// at the firewall finds lacking.
func Lacking(all []host.Allocation, look func([]firewall.Owner) ([]firewall.Owner, error)) ([]host.Allocation, error) {
	var owners []firewall.Owner
	of := map[int]host.Allocation{}
	for _, a := range all {
		if a.User != 0 {
			owners, of[a.User] = append(owners, Owner(a)), a
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	found, err := look(owners)
	var lacking []host.Allocation
	for _, o := range found {
		lacking = append(lacking, of[o.User])
	}
	return lacking, err
}
