package supervisor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// goneInterval is how often it looks whether its directory is still there.
const goneInterval = 5 * time.Second

// watchGone ends everything when somebody has removed the stamp's directory:
// there is nobody left who could ask for it. A manifest that alone is gone is
// written again.
func (s *Supervisor) watchGone(ctx context.Context) {
	tick := time.NewTicker(goneInterval)
	defer tick.Stop()
	alone := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch {
		case !gone(s.stamp.Manifest()):
			alone = false
			if gone(filepath.Join(s.stamp.Run(), "sock")) {
				s.log.Warn("socket is gone, making room for the next supervisor")
				s.quit()
				return
			}
		case gone(s.stamp.Components()):
			s.log.Warn("directory of the stamp is gone, ending all")
			err := s.endAll(ctx)
			if err == nil {
				err = s.settings().Groups.Remove() // nobody else will
			}
			if err != nil {
				s.log.Error("stamp not ended", "error", err)
			}
			s.quit()
			return
		case alone: // twice: nobody is just removing all of it
			s.rewrite()
		default:
			alone = true
		}
	}
}

// rewrite writes down again what is known.
func (s *Supervisor) rewrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Warn("manifest is gone, writing it again")
	if err := s.record.Write(s.stamp); err != nil {
		s.log.Error("manifest not written", "error", err)
	}
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
