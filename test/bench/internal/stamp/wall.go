package stamp

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"stampworks.dev/services/provisioner/driver/local/firewall"
)

// Wall does for the script what nft(8) would, which a machine may not have: it
// puts the rules of a stamp there or takes them away.
//
//	bench wall allow|forget USER ADDRESS PORT
func Wall(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return errors.New("wall: want allow|forget USER ADDRESS PORT")
	}
	user, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("wall: %w", err)
	}
	port, err := strconv.Atoi(args[3])
	if err != nil {
		return fmt.Errorf("wall: %w", err)
	}
	owner := firewall.Owner{User: user, Address: args[2], Ports: []int{port}}
	if args[0] == "forget" {
		return errors.Join(firewall.Forget(ctx, owner), firewall.Release(ctx, owner))
	}
	return errors.Join(firewall.Allow(ctx, owner), firewall.Confine(ctx, owner, nil))
}
