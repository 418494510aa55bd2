package store

// MaxTxnOps is how many conditions, and how many operations, one transaction
// may have: the default limit of an etcd server (--max-txn-ops).
const MaxTxnOps = 128

// CondKind says what a condition compares.
type CondKind int

const (
	// CondCreateRevision compares the revision that created the key; 0 means
	// that there is no such key.
	CondCreateRevision CondKind = iota + 1
	// CondModRevision compares the revision that changed the key last.
	CondModRevision
	// CondExists is true when there is the key, whatever its revision.
	CondExists
)

// Cond is a condition of a transaction on one key. Make it with one of the
// functions below.
type Cond struct {
	Kind     CondKind
	Key      string
	Revision int64
}

// CreateRevisionIs is true while the key is the one created at rev: not deleted,
// and not deleted and made again.
func CreateRevisionIs(key string, rev int64) Cond {
	return Cond{Kind: CondCreateRevision, Key: key, Revision: rev}
}

// ModRevisionIs is true while nobody changed the key since rev.
func ModRevisionIs(key string, rev int64) Cond {
	return Cond{Kind: CondModRevision, Key: key, Revision: rev}
}

// Absent is true when there is no such key.
func Absent(key string) Cond { return CreateRevisionIs(key, 0) }

// Exists is true when there is the key.
func Exists(key string) Cond { return Cond{Kind: CondExists, Key: key} }

// Op is one write of a transaction. Make it with one of the functions below, or
// with those of a Collection.
type Op struct {
	Type  EventType // Put or Delete
	Key   string
	Value []byte
	// Err is why the operation could not be made, a value too large for one: the
	// transaction that has it is refused with it.
	Err error
}

// PutOp sets a key.
func PutOp(key string, value []byte) Op { return Op{Type: Put, Key: key, Value: value} }

// DeleteOp removes a key; one that is not there is fine.
func DeleteOp(key string) Op { return Op{Type: Delete, Key: key} }

// CheckTxn refuses a transaction that no backend takes: invalid keys, too many
// parts, one key in two operations, an operation that could not be made.
// Backends call it first.
func CheckTxn(conds []Cond, ops []Op) error {
	if len(conds) > MaxTxnOps || len(ops) > MaxTxnOps {
		return tooManyParts(len(conds), len(ops))
	}
	for _, c := range conds {
		if err := CheckKey(c.Key); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(ops))
	for _, op := range ops {
		if op.Err != nil {
			return op.Err
		}
		if err := CheckKey(op.Key); err != nil {
			return err
		}
		if seen[op.Key] {
			return invalidKey(op.Key, "is in two operations of one transaction")
		}
		seen[op.Key] = true
	}
	return nil
}
