package local

import (
	"crypto/sha256"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"stampworks.dev/services/provisioner/driver/local/layout"
)

// proven is what was seen to be as it should, so that it need not be looked at
// again. It is safe for concurrent use.
type proven struct {
	mu    sync.Mutex
	files map[string]proof
	rules map[layout.Stamp]time.Time
}

// proof is a file as it was when its content was read, and the content's sum.
type proof struct {
	info os.FileInfo
	sum  [sha256.Size]byte
}

// same says whether a file has this text, and is a plain file.
func (p *proven) same(path, text string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(text)) {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	p.mu.Lock()
	known, has := p.files[path]
	p.mu.Unlock()
	if has && known.sum == sum && os.SameFile(known.info, info) && known.info.ModTime().Equal(info.ModTime()) {
		return true
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != text {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]proof{}
	}
	p.files[path] = proof{info: info, sum: sum}
	return true
}

func (p *proven) lately(s layout.Stamp) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.rules[s]) < guardedFor
}

func (p *proven) note(s layout.Stamp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rules == nil {
		p.rules = map[layout.Stamp]time.Time{}
	}
	p.rules[s] = time.Now()
}

// forget drops what is known of a stamp that is no more.
func (p *proven) forget(s layout.Stamp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rules, s)
	maps.DeleteFunc(p.files, func(path string, _ proof) bool { return strings.HasPrefix(path, string(s)+"/") })
}
