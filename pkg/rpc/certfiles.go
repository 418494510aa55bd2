package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certFiles gives what the files of a TLSConfig hold now. It looks at them on
// each handshake: three stats, nothing to watch, nothing to stop.
type certFiles struct {
	cfg TLSConfig
	log *slog.Logger

	mu    sync.Mutex
	seen  [3]fileStamp
	value material
}

type material struct {
	cert  tls.Certificate
	roots *x509.CertPool
}

// fileStamp changes when a file is written or replaced.
type fileStamp struct {
	modified time.Time
	size     int64
}

func newCertFiles(cfg TLSConfig, log *slog.Logger) (*certFiles, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	stamps, err := stampFiles(cfg)
	if err != nil {
		return nil, err
	}
	value, err := loadMaterial(cfg)
	if err != nil {
		return nil, err
	}
	return &certFiles{cfg: cfg, log: log, seen: stamps, value: value}, nil
}

// current reads changed files. Files that do not fit together, as in the
// middle of a renewal, leave the present certificate in use; the next
// handshake looks again.
func (f *certFiles) current() material {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps, err := stampFiles(f.cfg)
	if err == nil && stamps == f.seen {
		return f.value
	}
	var value material
	if err == nil {
		value, err = loadMaterial(f.cfg)
	}
	if err != nil {
		f.log.Warn("keeping the present certificate", "cert", f.cfg.Cert, "error", err)
		return f.value
	}
	f.seen, f.value = stamps, value
	f.log.Info("certificate read again", "cert", f.cfg.Cert, "expires", value.cert.Leaf.NotAfter)
	return f.value
}

func stampFiles(cfg TLSConfig) ([3]fileStamp, error) {
	var stamps [3]fileStamp
	for i, path := range []string{cfg.CA, cfg.Cert, cfg.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return stamps, fmt.Errorf("look at certificate file: %w", err)
		}
		stamps[i] = fileStamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

func loadMaterial(cfg TLSConfig) (material, error) {
	cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return material{}, fmt.Errorf("load certificate %s: %w", cfg.Cert, err)
	}
	pem, err := os.ReadFile(cfg.CA)
	if err != nil {
		return material{}, fmt.Errorf("read authorities: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return material{}, fmt.Errorf("read authorities %s: no certificate in it", cfg.CA)
	}
	return material{cert: cert, roots: roots}, nil
}
