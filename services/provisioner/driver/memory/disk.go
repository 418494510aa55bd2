package memory

import (
	"context"
	"maps"
	"path"
	"strings"
	"sync"

	"stampworks.dev/services/provisioner/driver"
)

// Disk has the files of all stamps of a cell, by path: what is below
// [driver.Site.Volumes] and [driver.Site.Backup]. Tests write there what a
// customer's program would, and look at what came back. Nothing but backups
// and jobs reads it. Safe for concurrent use; the zero value is empty.
type Disk struct {
	mu    sync.Mutex
	files map[string]string
}

// Put writes a file.
func (k *Disk) Put(file, text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(file, text)
}

func (k *Disk) put(file, text string) {
	if k.files == nil {
		k.files = map[string]string{}
	}
	k.files[path.Clean(file)] = text
}

// Get reads a file.
func (k *Disk) Get(file string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, has := k.files[path.Clean(file)]
	return text, has
}

// Files gives what is in a directory, by the path from there.
func (k *Disk) Files(dir string) map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := map[string]string{}
	for file, text := range k.files {
		if rest, in := strings.CutPrefix(file, path.Clean(dir)+"/"); in {
			found[rest] = text
		}
	}
	return found
}

// Replace makes a directory have these files and nothing else.
func (k *Disk) Replace(dir string, files map[string]string) {
	dir = path.Clean(dir)
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.files, func(file, _ string) bool { return strings.HasPrefix(file, dir+"/") })
	for name, text := range files {
		k.put(dir+"/"+name, text)
	}
}

// Job is a [Config.Job] that carries out, whatever the program is called:
//
//	PROGRAM copy FROM TO     makes the directory TO have what FROM has
//	PROGRAM put FILE TEXT    writes a file
//	PROGRAM get FILE         prints a file; without one it exits 1
//
// So "copy ${volumes.data} ${backup}" in a blueprint is a backup, and the
// reverse is a restore. Any other command exits 0.
func (k *Disk) Job(_ context.Context, _ driver.Ref, _ driver.Manifest, job driver.Job) (driver.JobResult, error) {
	var words [3]string
	copy(words[:], job.Command[1:])
	switch words[0] {
	case "copy":
		k.Replace(words[2], k.Files(words[1]))
	case "put":
		k.Put(words[1], words[2])
	case "get":
		text, has := k.Get(words[1])
		if !has {
			return driver.JobResult{ExitCode: 1, Output: []string{words[1] + ": no such file"}}, nil
		}
		return driver.JobResult{Output: []string{text}}, nil
	}
	return driver.JobResult{}, nil
}
