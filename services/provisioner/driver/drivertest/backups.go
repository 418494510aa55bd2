package drivertest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// keeper skips the test when the driver keeps no backups.
func (b *bench) keeper() driver.Keeper {
	b.t.Helper()
	k, ok := b.Driver.(driver.Keeper)
	if !ok {
		b.t.Skip("the driver keeps no backups")
	}
	return k
}

// put lets a job write a file into the backup directory, as the stamp.
func (b *bench) put(ref driver.Ref, m driver.Manifest, name, text string) {
	b.t.Helper()
	id := fmt.Sprintf("put-%d", tenants.Add(1))
	if r := b.job(ref, m, id, "put", path.Join(m.Site.Backup, name), text); r.ExitCode != 0 {
		b.t.Fatalf("the stamp cannot write %s: %+v", name, r)
	}
}

// has reads a file of the backup directory, as the stamp; empty when there is
// none.
func (b *bench) has(ref driver.Ref, m driver.Manifest, name string) string {
	b.t.Helper()
	id := fmt.Sprintf("get-%d", tenants.Add(1))
	if r := b.job(ref, m, id, "get", path.Join(m.Site.Backup, name)); r.ExitCode == 0 {
		return joined(r)
	}
	return ""
}

// kept makes a stamp and a backup of it that has two files.
func (b *bench) kept(k driver.Keeper) (driver.Ref, driver.Manifest, driver.BackupRef) {
	b.t.Helper()
	ref, m := b.reserve()
	b.must(k.ClearBackup(b.ctx, ref))
	b.put(ref, m, "dump", "tickets")
	b.put(ref, m, "parts/one", "1")
	kept, err := k.KeepBackup(b.ctx, ref, "b-1", nil)
	b.must(err)
	of := driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: "b-1", Digest: kept.Digest}
	b.t.Cleanup(func() {
		if err := k.DropBackup(context.Background(), of); err != nil {
			b.t.Errorf("drop %+v: %v", of, err)
		}
	})
	return ref, m, of
}

func backupKeptOnce(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	again, err := k.KeepBackup(b.ctx, ref, of.ID, nil)
	b.must(err)
	if again.Digest != of.Digest || again.Files != 2 || again.SizeBytes != 8 || !strings.HasPrefix(of.Digest, "sha256:") {
		b.t.Errorf("kept %+v, want 2 files of 8 bytes with digest %s", again, of.Digest)
	}
	b.put(ref, m, "dump", "more tickets")
	again, err = k.KeepBackup(b.ctx, ref, of.ID, nil)
	b.must(err)
	if again.Digest != of.Digest {
		b.t.Errorf("the same id was kept anew: %+v", again)
	}
	other, err := k.KeepBackup(b.ctx, ref, "b-2", nil)
	b.must(err)
	if other.Digest == of.Digest || other.SizeBytes != 13 {
		b.t.Errorf("another id is %+v, the first %+v", other, again)
	}
}

func backupEmpty(b *bench) {
	k := b.keeper()
	ref, m := b.reserve()
	b.must(k.ClearBackup(b.ctx, ref))
	if _, err := k.KeepBackup(b.ctx, ref, "b-1", nil); !errs.Is(err, errs.FailedPrecondition) {
		b.t.Errorf("KeepBackup of nothing = %v, want FailedPrecondition", err)
	}
	b.put(ref, m, "dump", "x")
	if kept, err := k.KeepBackup(b.ctx, ref, "b-1", nil); err != nil || kept.Files != 1 {
		b.t.Errorf("after a refusal kept %+v, %v", kept, err)
	}
}

func backupCleared(b *bench) {
	k := b.keeper()
	ref, m := b.reserve()
	b.put(ref, m, "parts/one", "1")
	for range 2 {
		b.must(k.ClearBackup(b.ctx, ref))
		if got := b.has(ref, m, "parts/one"); got != "" {
			b.t.Errorf("after ClearBackup there is %q", got)
		}
	}
	b.put(ref, m, "dump", "x")
	if got := b.has(ref, m, "dump"); got != "x" {
		b.t.Errorf("after ClearBackup the stamp wrote x and read %q", got)
	}
}

func backupComesBack(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	b.put(ref, m, "dump", "changed")
	b.put(ref, m, "later", "x")
	for range 2 {
		b.must(k.FetchBackup(b.ctx, ref, of))
		if dump, part, later := b.has(ref, m, "dump"), b.has(ref, m, "parts/one"), b.has(ref, m, "later"); dump != "tickets" || part != "1" || later != "" {
			b.t.Errorf("fetched %q, %q, %q", dump, part, later)
		}
	}
	b.put(ref, m, "parts/two", "2") // the stamp can write there
	b.must(k.ClearBackup(b.ctx, ref))
}

func backupOfAnother(b *bench) {
	k := b.keeper()
	_, _, of := b.kept(k)
	ref, m := b.reserve()
	b.must(k.FetchBackup(b.ctx, ref, of))
	if got := b.has(ref, m, "dump"); got != "tickets" {
		b.t.Errorf("another tenant's backup has %q", got)
	}
	if _, err := k.KeepBackup(b.ctx, ref, of.ID, nil); err != nil {
		b.t.Errorf("the same id of another tenant: %v", err)
	}
	b.must(k.DropBackup(b.ctx, driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: of.ID}))
	b.must(k.FetchBackup(b.ctx, ref, of))
}

func backupOutlives(b *bench) {
	k := b.keeper()
	gone, _, of := b.kept(k)
	b.must(b.Driver.Destroy(b.ctx, gone))
	b.must(k.CheckBackup(b.ctx, of))
	ref, m := b.reserve()
	b.must(k.FetchBackup(b.ctx, ref, of))
	if got := b.has(ref, m, "parts/one"); got != "1" {
		b.t.Errorf("a destroyed stamp's backup has %q", got)
	}
}

func backupDamaged(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	b.put(ref, m, "dump", "as it was")
	wrong := of
	wrong.Digest = "sha256:" + strings.Repeat("0", 64)
	b.must(k.CheckBackup(b.ctx, of))
	if err := k.CheckBackup(b.ctx, wrong); !errors.Is(err, driver.ErrBackupDamaged) {
		b.t.Errorf("CheckBackup with another digest = %v, want ErrBackupDamaged", err)
	}
	if err := k.FetchBackup(b.ctx, ref, wrong); !errors.Is(err, driver.ErrBackupDamaged) {
		b.t.Errorf("FetchBackup with another digest = %v, want ErrBackupDamaged", err)
	}
	b.Damage(b.t, of)
	if err := k.FetchBackup(b.ctx, ref, of); !errors.Is(err, driver.ErrBackupDamaged) {
		b.t.Errorf("FetchBackup of a damaged one = %v, want ErrBackupDamaged", err)
	}
	if err := k.CheckBackup(b.ctx, of); !errors.Is(err, driver.ErrBackupDamaged) {
		b.t.Errorf("CheckBackup of a damaged one = %v, want ErrBackupDamaged", err)
	}
	if got := b.has(ref, m, "dump"); got != "as it was" {
		b.t.Errorf("a refused FetchBackup left %q", got)
	}
}

func backupMissing(b *bench) {
	k := b.keeper()
	ref, m := b.reserve()
	b.put(ref, m, "dump", "as it was")
	err := k.FetchBackup(b.ctx, ref, driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: "nosuch", Digest: "sha256:0"})
	if !errors.Is(err, driver.ErrBackupMissing) {
		b.t.Errorf("FetchBackup of none = %v, want ErrBackupMissing", err)
	}
	if got := b.has(ref, m, "dump"); got != "as it was" {
		b.t.Errorf("a refused FetchBackup left %q", got)
	}
}

func backupDropped(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	b.must(k.DropBackup(b.ctx, driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: "nosuch"}))
	for range 2 {
		b.must(k.DropBackup(b.ctx, of))
		if err := k.FetchBackup(b.ctx, ref, of); !errors.Is(err, driver.ErrBackupMissing) {
			b.t.Errorf("FetchBackup of a dropped one = %v, want ErrBackupMissing", err)
		}
		if err := k.CheckBackup(b.ctx, of); !errors.Is(err, driver.ErrBackupMissing) {
			b.t.Errorf("CheckBackup of a dropped one = %v, want ErrBackupMissing", err)
		}
	}
	if got := b.has(ref, m, "dump"); got != "tickets" {
		b.t.Errorf("DropBackup touched the stamp: %q", got)
	}
}

func backupStale(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	newer, older := ref, ref
	newer.Token, older.Token = 9, 8
	b.must(k.FetchBackup(b.ctx, newer, of))
	_, keepErr := k.KeepBackup(b.ctx, older, "b-2", nil)
	for verb, err := range map[string]error{
		"ClearBackup": k.ClearBackup(b.ctx, older),
		"KeepBackup":  keepErr,
		"FetchBackup": k.FetchBackup(b.ctx, older, of),
	} {
		if !errors.Is(err, driver.ErrStaleToken) {
			b.t.Errorf("%s with an old token = %v, want ErrStaleToken", verb, err)
		}
	}
	if got := b.has(newer, m, "dump"); got != "tickets" {
		b.t.Errorf("a stale call did harm: %q", got)
	}
	if err := b.Driver.Stop(b.ctx, older, "a"); !errors.Is(err, driver.ErrStaleToken) {
		b.t.Errorf("Stop with a token older than a FetchBackup's = %v, want ErrStaleToken", err)
	}
}

func backupNoSite(b *bench) {
	k := b.keeper()
	_, _, of := b.kept(k)
	ref := b.ref()
	_, keepErr := k.KeepBackup(b.ctx, ref, "b-1", nil)
	for verb, err := range map[string]error{
		"ClearBackup": k.ClearBackup(b.ctx, ref), "KeepBackup": keepErr, "FetchBackup": k.FetchBackup(b.ctx, ref, of),
	} {
		if !errs.Is(err, errs.FailedPrecondition) {
			b.t.Errorf("%s without Reserve = %v, want FailedPrecondition", verb, err)
		}
	}
}

func backupEvil(b *bench) {
	k := b.keeper()
	ref, _, of := b.kept(k)
	for _, id := range []string{"", ".", "..", "../b-1", "a/b", "-a", ".part-1-x", "a\x00b", strings.Repeat("a", 129)} {
		evil := of
		evil.ID = id
		_, keepErr := k.KeepBackup(b.ctx, ref, id, nil)
		for verb, err := range map[string]error{
			"KeepBackup": keepErr, "FetchBackup": k.FetchBackup(b.ctx, ref, evil), "DropBackup": k.DropBackup(b.ctx, evil),
			"CheckBackup": k.CheckBackup(b.ctx, evil),
		} {
			if !errs.Is(err, errs.InvalidArgument) {
				b.t.Errorf("%s(id %q) = %v, want InvalidArgument", verb, id, err)
			}
		}
	}
	of.Tenant = "../" + of.Tenant
	if err := k.DropBackup(b.ctx, of); !errs.Is(err, errs.InvalidArgument) {
		b.t.Errorf("DropBackup(tenant %q) = %v, want InvalidArgument", of.Tenant, err)
	}
}

func reopenKeeps(b *bench) {
	k := b.keeper()
	ref, m, of := b.kept(k)
	next, ok := b.Reopen(b.t).(driver.Keeper)
	if !ok {
		b.t.Fatal("the next driver keeps no backups")
	}
	kept, err := next.KeepBackup(b.ctx, ref, of.ID, nil)
	if err != nil || kept.Digest != of.Digest {
		b.t.Errorf("after a crash kept %+v, %v", kept, err)
	}
	b.must(next.ClearBackup(b.ctx, ref))
	b.must(next.FetchBackup(b.ctx, ref, of))
	if got := b.has(ref, m, "dump"); got != "tickets" {
		b.t.Errorf("after a crash fetched %q", got)
	}
}
