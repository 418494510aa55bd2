package claim

import (
	"context"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// holder runs the function of one claim that is held.
type holder struct {
	claim  Claim
	cancel context.CancelFunc
	done   chan struct{} // the function has returned for good
}

// start runs a claim's function unless it runs already.
func (s *session) start(ctx context.Context, j job, token int64) {
	if old, ok := s.holders[j.id]; ok {
		if old.claim.Token == token && !old.ended() {
			return
		}
		old.cancel()
		if !old.ended() {
			return // of an earlier token; looked at again when it has returned
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	h := &holder{claim: Claim{Key: s.claimKey(j.id), Token: token}, cancel: cancel, done: make(chan struct{})}
	s.holders[j.id] = h
	s.log.InfoContext(ctx, "claim held", "claim", j.id, "token", token)
	fn := s.named[j.id]
	if !j.named {
		fn = func(ctx context.Context, c Claim) error { return s.shards(ctx, j.shard, c) }
	}
	s.held.Add(1)
	go func() { // ends with the session, which waits for it
		defer s.poke()
		defer s.held.Add(-1)
		defer close(h.done)
		s.repeat(ctx, j.id, h.claim, fn)
	}()
}

// repeat calls a function until its claim is gone.
func (s *session) repeat(ctx context.Context, id string, c Claim, fn func(context.Context, Claim) error) {
	for wait := s.cfg.Retry; ; wait = min(2*wait, 30*s.cfg.Retry) {
		started := time.Now()
		err := fn(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > 30*s.cfg.Retry {
			wait = s.cfg.Retry
		}
		s.log.ErrorContext(ctx, "function of claim returned, calling it again", "claim", id, "wait", wait, "error", err)
		if !sleep(ctx, wait/2+rand.N(wait/2+1)) {
			return
		}
	}
}

func (h *holder) ended() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

// dropLost ends the functions of claims that are not ours any more.
func (s *session) dropLost(v view) {
	for id, h := range s.holders {
		now, taken := v.held[id]
		if taken && now.lease == s.lease && now.token == h.claim.Token {
			continue
		}
		h.cancel()
		if h.ended() {
			delete(s.holders, id)
		}
	}
}

// release ends a claim's function, and once it has returned, the claim.
func (s *session) release(ctx context.Context, j job, token int64) {
	if h, ok := s.holders[j.id]; ok {
		h.cancel()
		if !h.ended() {
			return // its end wakes us again
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	key := s.claimKey(j.id)
	_, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", token)).
		Then(clientv3.OpDelete(key)).
		Commit()
	if err != nil {
		s.log.WarnContext(ctx, "release claim", "claim", j.id, "error", err)
		return
	}
	delete(s.holders, j.id)
	s.log.InfoContext(ctx, "claim released", "claim", j.id, "token", token)
}

// stopAll ends all functions and waits for them.
func (s *session) stopAll() {
	for _, h := range s.holders {
		h.cancel()
	}
	for id, h := range s.holders {
		select {
		case <-h.done:
		case <-time.After(s.cfg.TTL):
			s.log.Warn("function of claim does not end with its context", "claim", id)
			<-h.done
		}
	}
}
