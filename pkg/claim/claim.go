package claim

import (
	"hash/fnv"
	"strconv"

	"stampworks.dev/pkg/store"
)

// Claim is the right to do something alone, as long as it lasts.
type Claim struct {
	// Key in etcd, whole.
	Key string
	// Token is the fencing token: greater than that of every earlier holder.
	Token int64
}

// Guard is the condition that every write under this claim carries: it fails
// once the claim has gone, also when this replica has taken it again since.
func (c Claim) Guard() store.Cond { return store.CreateRevisionIs(c.Key, c.Token) }

// Shard is a part of a cell's tenants: those whose hash modulo Count is Index.
// Count is the same for all replicas that reach the cell.
type Shard struct {
	Cell  string
	Index int
	Count int
}

// String names the shard, "eu-1/0".
func (s Shard) String() string { return s.Cell + "/" + strconv.Itoa(s.Index) }

// Owns says whether a tenant of the cell is one of the shard's.
func (s Shard) Owns(tenant string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant)) // a hash takes it
	return int(h.Sum32()%uint32(max(s.Count, 1))) == s.Index
}

// Member is a replica that is present.
type Member struct {
	Replica string `json:"replica"`
	// Address that other replicas reach it at.
	Address string `json:"address"`
	// Cells that it reaches, with the number of their shards.
	Cells map[string]int `json:"cells,omitempty"`
	// Names of the single claims that it would take.
	Names []string `json:"names,omitempty"`
}
