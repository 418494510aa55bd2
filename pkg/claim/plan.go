package claim

import clientv3 "go.etcd.io/etcd/client/v3"

// job is a claim that this replica could take, and what to do with it.
type job struct {
	id    string
	named bool
	shard Shard // of one that is not named
}

// plan is what to do about the claims after a look; a pure decision.
type plan struct {
	take    []job // free, and ours by right
	run     []job // held under our lease: run its function
	release []job // held, but somebody else's by right for long enough
}

// jobs are all claims that this replica could take.
func (m *Manager) jobs() []job {
	var all []job
	for name := range m.named {
		all = append(all, job{id: name, named: true})
	}
	if m.shards != nil {
		for cell, count := range m.cfg.Cells {
			for i := range count {
				s := Shard{Cell: cell, Index: i, Count: count}
				all = append(all, job{id: s.String(), shard: s})
			}
		}
	}
	return all
}

// decide says what a replica does; settled: membership has not changed for long
// enough to move what is held.
func decide(me string, lease clientv3.LeaseID, jobs []job, v view, settled bool) plan {
	var p plan
	for _, j := range jobs {
		candidates := v.reaching(j.shard.Cell)
		if j.named {
			candidates = v.willing(j.id)
		}
		right := winner(j.id, candidates) == me
		now, taken := v.held[j.id]
		switch {
		case !taken && right:
			p.take = append(p.take, j)
		case taken && now.lease == lease && !right && !j.named && settled && len(candidates) > 0:
			p.release = append(p.release, j)
		case taken && now.lease == lease:
			p.run = append(p.run, j)
		}
	}
	return p
}
