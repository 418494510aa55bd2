package engine

import (
	"slices"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Ids of the steps around the backup and restore jobs. Like those of jobs, their
// end is noted in the record's jobs_done.
const (
	prepareID = "backup.prepare" // empties the stamp's backup directory
	keepID    = "backup.keep"    // moves what the jobs wrote into the repository
	checkID   = "restore.check"  // sees that a kept backup is what was kept
	fetchID   = "restore.fetch"  // puts a kept backup into that directory
	finishID  = "restore.finish" // empties it, and notes whose data there is
)

// lived says whether the stamp has served: then it has data that matter.
func lived(have *Stamp) bool { return have.GetRevision() != "" }

// backsUp says whether the wished backup is still to be made.
func (w Wish) backsUp(have *Stamp) bool {
	return w.Backup != nil && len(w.Backup.Components) > 0 && !ended(have, keepID, w.Backup.ID) && !gaveUp(have, w.Backup.ID)
}

// backsUpAlone says whether a backup is still to be made that not everything may
// go on beside: nothing of what is wished begins before it is kept.
func (w Wish) backsUpAlone(have *Stamp) bool { return w.backsUp(have) && !w.Backup.Hot }

// restores says whether the wished data is still to be brought back.
func (w Wish) restores(have *Stamp) bool {
	return w.Restore != nil && have.GetRestored() != w.Restore.Key
}

// ended says whether a step that is done once for each key was done for it.
func ended(have *Stamp, stepID, key string) bool { return have.GetJobsDone()[stepID] == key }

// failedBackup marks, in place of its id, a backup that is done without.
func failedBackup(backup string) string { return "!" + backup }

func gaveUp(have *Stamp, backup string) bool { return ended(have, keepID, failedBackup(backup)) }

// backup plans a backup after what must have ended before, and gives the step
// after which it is kept. The jobs write into one directory, one after another.
func (p *steps) backup(w Wish, have *Stamp, before []string) []string {
	if !w.backsUp(have) {
		return nil
	}
	key := w.Backup.ID
	if !ended(have, prepareID, key) {
		p.add("", Backup, prepareID, before...)
	}
	after := append([]string{prepareID}, before...)
	for _, c := range w.Backup.Components {
		job := id(c, Backup)
		if !ended(have, job, key) {
			p.add(c, Backup, job, after...)
		}
		after = append(slices.Clone(after), job)
	}
	p.add("", Backup, keepID, after...)
	return []string{keepID}
}

// checkFirst plans to see that a backup is whole before anything else is done for
// it: one that is damaged closes and makes nothing.
func (p *steps) checkFirst(w Wish, have *Stamp) {
	if !w.restores(have) || !w.Restore.Check || ended(have, checkID, w.Restore.Key) || ended(have, fetchID, w.Restore.Key) {
		return
	}
	for i := range *p {
		(*p)[i].After = append((*p)[i].After, checkID)
	}
	*p = slices.Insert(*p, 0, Step{ID: checkID, Action: Restore})
}

// fetch plans to get the data that is to be brought back.
func (p *steps) fetch(w Wish, have *Stamp, before []string) {
	if w.restores(have) && !ended(have, fetchID, w.Restore.Key) {
		p.add("", Restore, fetchID, before...)
	}
}

// restoreJobs plans the restore jobs: beside the running component, or, where
// the job replaces what it has open, before its start. A new stamp migrates
// first: roles and databases are there then, as they were when the backup was
// made.
func (p *steps) restoreJobs(w Wish, have *Stamp, stops []string) {
	if !w.restores(have) {
		return
	}
	after := append([]string{fetchID}, stops...)
	if !lived(have) {
		for _, part := range w.Parts {
			after = append(after, id(part.Name, Migrate))
		}
	}
	for _, c := range w.Restore.Components {
		needs := slices.Clone(after)
		if !w.Restore.Stopped[c] {
			needs = append(needs, id(c, Start), id(c, Ready))
		}
		job := id(c, Restore)
		if !ended(have, job, w.Restore.Key) {
			p.add(c, Restore, job, needs...)
		}
		after = append(after, job)
	}
	p.add("", Restore, finishID, after...)
}

// early are the components that run while data is brought back: those whose
// jobs ask them, what these need, and, in a new stamp, what migrations need.
func (w Wish) early(have *Stamp) map[string]bool {
	early := map[string]bool{}
	if !w.restores(have) {
		return early
	}
	var visit func(name string)
	visit = func(name string) {
		if early[name] {
			return
		}
		early[name] = true
		part, _ := w.part(name)
		for _, d := range part.DependsOn {
			visit(d)
		}
	}
	for _, c := range w.Restore.Components {
		if !w.Restore.Stopped[c] {
			visit(c)
		}
	}
	for _, part := range w.Parts {
		if w.migrationDue(part, have) {
			for _, d := range part.DependsOn {
				visit(d)
			}
		}
	}
	return early
}

// migrationDue says whether a component's data is not of the wished revision.
// While older data is brought back it is not known yet.
func (w Wish) migrationDue(part Part, have *Stamp) bool {
	if !part.Migrate || ended(have, id(part.Name, Migrate), w.Revision) {
		return false
	}
	return !w.restores(have) || !lived(have)
}

// closing says whether the endpoint is to be closed, or is: while data changes
// under customers who have some.
func (w Wish) closing(have *Stamp) bool {
	if w.Endpoint == "" || !lived(have) {
		return false
	}
	return have.GetClosed() || w.restores(have) || w.migrates(have)
}

// migrates says whether any component is to migrate.
func (w Wish) migrates(have *Stamp) bool {
	return slices.ContainsFunc(w.Parts, func(part Part) bool { return w.migrationDue(part, have) })
}

// form is what a component's ledger entry must say now.
func (w Wish) form(part Part, have *pb.Stamp) string {
	if have.GetClosed() && part.Name == w.Endpoint {
		return part.Closed
	}
	return part.Rendered
}
