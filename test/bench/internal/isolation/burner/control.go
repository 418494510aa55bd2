//go:build linux

package main

import (
	"net/http"
	"sync"
)

// burner does one thing at a time.
type burner struct {
	burns map[string]func(stop <-chan struct{}, begun func())

	mu      sync.Mutex
	running chan struct{} // closed to stop it; nil when none runs
	all     sync.WaitGroup
}

func (b *burner) begin(w http.ResponseWriter, r *http.Request) {
	burn := b.burns[r.URL.Query().Get("what")]
	if burn == nil {
		http.Error(w, "no such thing to use up", http.StatusBadRequest)
		return
	}
	b.stop()
	stop, begun := make(chan struct{}), make(chan struct{})
	b.mu.Lock()
	b.running = stop
	b.all.Go(func() { burn(stop, sync.OnceFunc(func() { close(begun) })) })
	b.mu.Unlock()
	<-begun
}

func (b *burner) end(http.ResponseWriter, *http.Request) { b.stop() }

func (b *burner) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running != nil {
		close(b.running)
		b.running = nil
	}
	b.all.Wait()
}

func ended(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
