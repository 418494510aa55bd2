package claim

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

// Config says who this replica is.
type Config struct {
	// Prefix of the service's keys, "/stampworks/provisioner/" for one.
	Prefix string
	// Replica is the name of this replica, the same after a restart.
	Replica string
	// Address that other replicas reach it at.
	Address string
	// Cells that this replica reaches, with the number of their shards.
	Cells map[string]int
	// Settle is how long membership stays unchanged before a held shard moves,
	// default 30 s.
	Settle time.Duration
	// TTL of the lease in whole seconds, default 10 s: how long the claims of a
	// dead replica live on.
	TTL time.Duration
	// DataDir keeps the lock and the lease over a restart. Empty keeps nothing.
	DataDir string
	// Retry is the first wait before a function that returned is called again;
	// it doubles up to 30 times as much. Default 1 s.
	Retry time.Duration
}

// Deps is what a Manager needs from its program.
type Deps struct {
	Client *clientv3.Client
	Log    *slog.Logger
	// Meter tells how many claims are held; nil tells nobody.
	Meter metric.Meter
}

func (c Config) withDefaults() Config {
	c.Settle = cmp.Or(c.Settle, 30*time.Second)
	c.TTL = cmp.Or(c.TTL, 10*time.Second)
	c.Retry = cmp.Or(c.Retry, time.Second)
	c.Cells = maps.Clone(c.Cells)
	return c
}

func (c Config) check() error {
	var bad []errs.Violation
	wrong := func(field, why string) { bad = append(bad, errs.Violation{Field: field, Description: why}) }
	if !strings.HasSuffix(c.Prefix, "/") || store.CheckKey(c.Prefix+"x") != nil {
		wrong("prefix", `must be a key prefix that ends with "/"`)
	}
	if err := store.CheckID(c.Replica); err != nil || strings.Contains(c.Replica, "/") {
		wrong("replica", `must be a name without "/"`)
	}
	if c.TTL < time.Second || c.TTL%time.Second != 0 {
		wrong("ttl", "must be whole seconds, at least one")
	}
	for cell, shards := range c.Cells {
		if err := store.CheckID(cell); err != nil || strings.Contains(cell, "/") || shards < 1 {
			wrong(fmt.Sprintf("cells[%q]", cell), `must be a name without "/" with at least one shard`)
		}
	}
	if len(bad) > 0 {
		return errs.Invalid("CLAIM_CONFIG_INVALID", bad...)
	}
	return nil
}
