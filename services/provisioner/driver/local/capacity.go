package local

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"stampworks.dev/services/provisioner/driver"
)

// coreMillis is what a core gives out: stamps are idle most of the time.
const coreMillis = 16 * 1000

// diskAge is how long a measurement of the stamps' directories is good for.
const diskAge = time.Minute

// diskUse remembers how much the stamps' directories hold.
type diskUse struct {
	mu    sync.Mutex
	at    time.Time
	bytes int64
}

// Capacity lists what the cell gives out, its own stamps' part included.
func (d *Driver) Capacity(ctx context.Context) (driver.Capacity, error) {
	users, addresses, ports, err := d.host.Elsewhere()
	if err != nil {
		return driver.Capacity{}, err
	}
	disk, err := d.diskBytes()
	if err != nil {
		return driver.Capacity{}, err
	}
	memory := d.cfg.MemoryBytes
	if memory == 0 {
		memory = memoryBytes() / 5 * 4
	}
	cpu := d.cfg.CPUMillis
	if cpu == 0 {
		cpu = int64(runtime.NumCPU()) * coreMillis
	}
	all := map[string]int64{
		"cpu_millis": cpu, "memory_bytes": memory, "disk_bytes": disk,
		"users":     max(d.cfg.UserRange.Count()-users, 0),
		"addresses": max(d.host.Addresses()-addresses, 0),
		"ports":     max(d.cfg.PortRange.Count()-ports, 0),
	}
	if !d.addresses { // components and endpoints share the ports
		all["addresses"] = all["ports"]
	}
	all["stamps"] = min(all["users"], all["addresses"], all["ports"])
	return driver.Capacity{
		Allocatable: all, Isolation: d.means.isolation(0), Programs: d.artifacts.Programs(ctx, d.cfg.Programs),
	}, nil
}

// diskBytes is nine tenths of what is free and what the stamps hold already.
func (d *Driver) diskBytes() (int64, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(d.cfg.DataDir, &at); err != nil {
		return 0, fmt.Errorf("measure disk: %w", err)
	}
	free := int64(at.Bavail) * int64(at.Bsize) //nolint:unconvert // not an int64 on every system
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if time.Since(d.disk.at) > diskAge {
		d.disk.bytes, d.disk.at = treeBytes(d.stamps()), time.Now()
	}
	return (free + d.disk.bytes) / 10 * 9, nil
}

// treeBytes adds up what files take on disk. What goes away meanwhile counts
// nothing.
func treeBytes(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error { // it never gives an error
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += stat.Blocks * 512
			}
		}
		return nil
	})
	return sum
}

// memoryBytes reads /proc/meminfo; where there is none, 8 GiB is assumed.
func memoryBytes() int64 {
	var kib int64
	f, err := os.Open("/proc/meminfo")
	if err == nil {
		defer func() { _ = f.Close() }() // only read
		if _, err = fmt.Fscanf(f, "MemTotal: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 8 << 30
}
