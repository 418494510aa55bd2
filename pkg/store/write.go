package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"
)

// Create adds an item. ErrExists when the id is taken, ErrGuard when a guard
// does not hold.
func (c *Collection[T]) Create(ctx context.Context, id string, value T, guards ...Cond) (Versioned[T], error) {
	key := c.Key(id)
	op := c.PutOp(id, value)
	conds := append([]Cond{Absent(key)}, guards...)
	for {
		res, err := c.backend.Txn(ctx, conds, []Op{op})
		if err != nil {
			return Versioned[T]{}, fmt.Errorf("create %q: %w", key, err)
		}
		if res.Succeeded {
			made, _ := proto.Clone(value).(T)
			return Versioned[T]{Value: made, Key: key, CreateRevision: res.Revision, ModRevision: res.Revision}, nil
		}
		if err := c.guardsHold(ctx, guards); err != nil {
			return Versioned[T]{}, fmt.Errorf("create %q: %w", key, err)
		}
		there, err := c.backend.Txn(ctx, []Cond{Exists(key)}, nil)
		if err != nil {
			return Versioned[T]{}, fmt.Errorf("create %q: %w", key, err)
		}
		if there.Succeeded {
			return Versioned[T]{}, fmt.Errorf("create %q: %w", key, ErrExists.With("key", key))
		}
	}
}

// Update reads the item, lets change work on a copy, and writes the copy if the
// item is still what was read; otherwise it starts over. So change may be called
// several times and has no effects of its own; its error ends the update as it
// is. A message that comes out equal is not written, but the guards are checked
// all the same. The answer is the item as it is now.
func (c *Collection[T]) Update(ctx context.Context, id string, change func(T) error, guards ...Cond) (Versioned[T], error) {
	for try := 0; ; try++ {
		old, err := c.Get(ctx, id)
		if err != nil {
			return Versioned[T]{}, err
		}
		next, _ := proto.Clone(old.Value).(T)
		if err := change(next); err != nil {
			return Versioned[T]{}, err
		}
		done, res, err := c.swap(ctx, id, old, next, guards)
		if err != nil {
			return Versioned[T]{}, fmt.Errorf("update %q: %w", old.Key, err)
		}
		if done {
			return res, nil
		}
		if err := pause(ctx, try); err != nil {
			return Versioned[T]{}, fmt.Errorf("update %q: %w", old.Key, err)
		}
	}
}

// swap writes next over old; false says that somebody else was faster.
func (c *Collection[T]) swap(ctx context.Context, id string, old Versioned[T], next T, guards []Cond) (bool, Versioned[T], error) {
	var ops []Op
	if !proto.Equal(old.Value, next) {
		ops = []Op{c.PutOp(id, next)}
	} else if len(guards) == 0 {
		return true, old, nil
	}
	conds := append([]Cond{ModRevisionIs(old.Key, old.ModRevision)}, guards...)
	res, err := c.backend.Txn(ctx, conds, ops)
	if err != nil {
		return false, Versioned[T]{}, err
	}
	if !res.Succeeded {
		return false, Versioned[T]{}, c.guardsHold(ctx, guards)
	}
	if len(ops) > 0 {
		old.Value, old.ModRevision = next, res.Revision
	}
	return true, old, nil
}

// Delete removes an item. ErrNotFound when there is none, ErrGuard when a guard
// does not hold; a guard on the item's own ModRevision makes it a
// compare-and-delete.
func (c *Collection[T]) Delete(ctx context.Context, id string, guards ...Cond) error {
	key := c.Key(id)
	if err := CheckID(id); err != nil {
		return err
	}
	conds := append([]Cond{Exists(key)}, guards...)
	for {
		res, err := c.backend.Txn(ctx, conds, []Op{DeleteOp(key)})
		if err != nil {
			return fmt.Errorf("delete %q: %w", key, err)
		}
		if res.Succeeded {
			return nil
		}
		there, err := c.backend.Txn(ctx, []Cond{Exists(key)}, nil)
		if err != nil {
			return fmt.Errorf("delete %q: %w", key, err)
		}
		if !there.Succeeded {
			return fmt.Errorf("delete %q: %w", key, ErrNotFound.With("key", key))
		}
		if err := c.guardsHold(ctx, guards); err != nil {
			return fmt.Errorf("delete %q: %w", key, err)
		}
	}
}

// PutOp sets an item, as part of a transaction. What cannot be encoded is
// refused by the transaction.
func (c *Collection[T]) PutOp(id string, value T) Op {
	raw, err := c.encode(id, value)
	op := PutOp(c.Key(id), raw)
	op.Err = err
	return op
}

// DeleteOp removes an item, as part of a transaction.
func (c *Collection[T]) DeleteOp(id string) Op {
	op := DeleteOp(c.Key(id))
	op.Err = CheckID(id)
	return op
}

// guardsHold tells a failed guard from a conflict after a transaction that was
// not applied.
func (c *Collection[T]) guardsHold(ctx context.Context, guards []Cond) error {
	if len(guards) == 0 {
		return nil
	}
	res, err := c.backend.Txn(ctx, guards, nil)
	if err != nil {
		return err
	}
	if !res.Succeeded {
		return ErrGuard.With("guard", guards[0].Key)
	}
	return nil
}

// pause waits a little, longer with each try, so that writers of one key get
// out of each other's way.
func pause(ctx context.Context, try int) error {
	limit := time.Millisecond << min(try, 6)
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
