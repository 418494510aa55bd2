package store

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
)

const (
	// DefaultMaxBytes is the largest encoded message of a collection that does
	// not say otherwise.
	DefaultMaxBytes = 64 << 10
	// LargeMaxBytes is for the few collections that keep documents, blueprint
	// revisions for one.
	LargeMaxBytes = 256 << 10

	pageSize = 500 // items that one read of a whole prefix asks for at a time
)

// Versioned is a message with what the store knows about it.
type Versioned[T proto.Message] struct {
	Value          T
	Key            string // the whole key, prefix included
	CreateRevision int64
	ModRevision    int64
}

// Collection is the messages of one type under one prefix, by id. An id may
// contain "/": a collection within a collection is one with a longer prefix.
type Collection[T proto.Message] struct {
	backend  Backend
	prefix   string
	newT     func() T
	maxBytes int
}

// NewCollection gives a view of prefix, which ends with "/". newT makes an empty
// message.
func NewCollection[T proto.Message](b Backend, prefix string, newT func() T) *Collection[T] {
	return &Collection[T]{backend: b, prefix: prefix, newT: newT, maxBytes: DefaultMaxBytes}
}

// WithMaxBytes gives the same collection with another limit on encoded messages.
func (c *Collection[T]) WithMaxBytes(n int) *Collection[T] {
	copied := *c
	copied.maxBytes = n
	return &copied
}

// Backend is what the collection is kept in, to compose transactions with.
func (c *Collection[T]) Backend() Backend { return c.backend }

// Prefix is what all keys begin with.
func (c *Collection[T]) Prefix() string { return c.prefix }

// Key is the whole key of an id.
func (c *Collection[T]) Key(id string) string { return c.prefix + id }

// ID is the id of a whole key.
func (c *Collection[T]) ID(key string) string { return strings.TrimPrefix(key, c.prefix) }

// ListOptions says which part of a collection to list.
type ListOptions struct {
	// Prefix of the ids; empty is all.
	Prefix string
	// StartAfter is an id; what comes is greater.
	StartAfter string
	// Limit of items; 0 is no limit.
	Limit int
	// Revision to read at; 0 is now.
	Revision int64
}

// Get reads one item, as of now. ErrNotFound when there is none.
func (c *Collection[T]) Get(ctx context.Context, id string) (Versioned[T], error) {
	if err := CheckID(id); err != nil {
		return Versioned[T]{}, err
	}
	kv, err := c.backend.Get(ctx, c.Key(id))
	if err != nil {
		return Versioned[T]{}, fmt.Errorf("get %q: %w", c.Key(id), err)
	}
	return c.decode(kv)
}

// List reads items in the order of their ids, and the revision that the answer
// is true for: however long the list is, it is of one moment.
func (c *Collection[T]) List(ctx context.Context, o ListOptions) ([]Versioned[T], int64, error) {
	q := ListQuery{Prefix: c.prefix + o.Prefix, Revision: o.Revision}
	if o.StartAfter != "" {
		q.StartAfter = c.Key(o.StartAfter)
	}
	var items []Versioned[T]
	for {
		q.Limit = pageSize
		if o.Limit > 0 {
			q.Limit = min(pageSize, o.Limit-len(items))
		}
		page, err := c.backend.List(ctx, q)
		if err != nil {
			return nil, 0, fmt.Errorf("list %q: %w", q.Prefix, err)
		}
		for _, kv := range page.Items {
			item, err := c.decode(kv)
			if err != nil {
				return nil, 0, err
			}
			items = append(items, item)
		}
		if !page.More || o.Limit > 0 && len(items) >= o.Limit {
			return items, page.Revision, nil
		}
		q.StartAfter, q.Revision = page.Items[len(page.Items)-1].Key, page.Revision
	}
}

func (c *Collection[T]) decode(kv KV) (Versioned[T], error) {
	v := Versioned[T]{Value: c.newT(), Key: kv.Key, CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision}
	if err := proto.Unmarshal(kv.Value, v.Value); err != nil {
		return Versioned[T]{}, fmt.Errorf("decode %q at revision %d: %w", kv.Key, kv.ModRevision, err)
	}
	return v, nil
}

func (c *Collection[T]) encode(id string, v T) ([]byte, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", c.Key(id), err)
	}
	if len(raw) > c.maxBytes {
		return nil, errs.New(errs.TooLarge, ErrTooLarge.Reason,
			"%q has %d bytes, the limit is %d: %w", c.Key(id), len(raw), c.maxBytes, ErrTooLarge)
	}
	return raw, nil
}
