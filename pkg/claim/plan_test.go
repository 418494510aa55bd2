package claim

import (
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestDecide(t *testing.T) {
	const mine, other = clientv3.LeaseID(1), clientv3.LeaseID(2)
	shard := job{id: "c/0", shard: Shard{Cell: "c", Count: 1}}
	named := job{id: "placement", named: true}
	both := func(id string) []Member { // the one that wins id, then the one that loses
		a, b := "a", "b"
		if winner(id, []string{a, b}) == b {
			a, b = b, a
		}
		return []Member{
			{Replica: a, Cells: map[string]int{"c": 1}, Names: []string{"placement"}},
			{Replica: b, Cells: map[string]int{"c": 1}, Names: []string{"placement"}},
		}
	}
	tests := []struct {
		name    string
		job     job
		asLoser bool
		holder  clientv3.LeaseID // 0: free
		settled bool
		want    string
	}{
		{"free and ours: take, settled or not", shard, false, 0, false, "take"},
		{"free and another's: leave", shard, true, 0, true, "-"},
		{"held and ours: run", shard, false, mine, true, "run"},
		{"held, another's, unsettled: keep", shard, true, mine, false, "run"},
		{"held, another's, settled: hand over", shard, true, mine, true, "release"},
		{"another holds ours: wait until it hands over", shard, false, other, true, "-"},
		{"named, held: never moves", named, true, mine, true, "run"},
		{"named, free and ours: take", named, false, 0, false, "take"},
	}
	for _, tt := range tests {
		members := both(tt.job.id)
		me := members[0].Replica
		if tt.asLoser {
			me = members[1].Replica
		}
		v := view{members: members, held: map[string]holding{}}
		if tt.holder != 0 {
			v.held[tt.job.id] = holding{token: 7, lease: tt.holder}
		}
		p := decide(me, mine, []job{tt.job}, v, tt.settled)
		got := "-"
		for what, jobs := range map[string][]job{"take": p.take, "run": p.run, "release": p.release} {
			if len(jobs) > 0 {
				got = what
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A replica that comes takes its share, and nothing moves between the others.
func TestWinnerMovesLittle(t *testing.T) {
	const claims = 1000
	three, four := []string{"a", "b", "c"}, []string{"a", "b", "c", "d"}
	moved, share := 0, map[string]int{}
	for i := range claims {
		id := fmt.Sprintf("cell/%d", i)
		before, after := winner(id, three), winner(id, four)
		share[after]++
		if before != after {
			moved++
			if after != "d" {
				t.Fatalf("%s moved from %s to %s", id, before, after)
			}
		}
	}
	for name, n := range share {
		if n < claims/4*7/10 || n > claims/4*13/10 {
			t.Errorf("%s has %d of %d", name, n, claims)
		}
	}
	if moved != share["d"] {
		t.Errorf("%d moved, %d are d's", moved, share["d"])
	}
	if winner("x", nil) != "" {
		t.Error("a winner among nobody")
	}
}

func TestDefaults(t *testing.T) {
	if c := (Config{}).withDefaults(); c.TTL != 10*time.Second || c.Settle != 30*time.Second {
		t.Errorf("leases of %v, what is held moves after %v: want 10 s and 30 s", c.TTL, c.Settle)
	}
}

func TestEachTenantIsOfOneShard(t *testing.T) {
	const tenants, count = 1600, 16
	owned := map[int]int{}
	for i := range tenants {
		for index := range count {
			if (Shard{Cell: "c", Index: index, Count: count}).Owns(fmt.Sprintf("tenant-%d", i)) {
				owned[index]++
			}
		}
	}
	total := 0
	for index, n := range owned {
		if total += n; n < 50 || n > 150 {
			t.Errorf("shard %d has %d of %d", index, n, tenants)
		}
	}
	if total != tenants || len(owned) != count {
		t.Errorf("%d tenants of %d have one shard, in %d shards", total, tenants, len(owned))
	}
}
