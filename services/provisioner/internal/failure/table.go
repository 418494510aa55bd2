package failure

import typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

// forever is for failures that an operator or time cures: trying again harms
// nothing, and the operation goes on by itself when the cause is gone.
const forever = 0

// rule is what follows from a code.
type rule struct {
	owner typev1.Failure_Owner
	// attempts is after how many the operation fails; forever is never.
	attempts int
	// next is the next action, in one sentence.
	next string
}

// rules has every code of the closed set.
var rules = map[typev1.Failure_Code]rule{
	typev1.Failure_PROGRAM_MISSING:    {typev1.Failure_OPERATOR, 1, "Install the program on the cell, choose another cell, or publish a revision whose artifact has it, then retry the tenant."},
	typev1.Failure_ARTIFACT_INVALID:   {typev1.Failure_PRODUCT, 3, "Put the artifact where the blueprint says, with the digest that it says, or publish a corrected revision."},
	typev1.Failure_PORT_TAKEN:         {typev1.Failure_OPERATOR, forever, "Find what listens on that port of the cell and stop it; the stamp goes on by itself."},
	typev1.Failure_COMPONENT_EXITED:   {typev1.Failure_PRODUCT, 3, "Read the last log lines, correct the inputs or publish a corrected revision, then retry the tenant."},
	typev1.Failure_NEVER_READY:        {typev1.Failure_PRODUCT, 3, "Read the last log lines and the probe's answer; correct the probe or the component, then retry the tenant."},
	typev1.Failure_SETUP_FAILED:       {typev1.Failure_PRODUCT, 3, "Read the job's last lines, correct the blueprint or the inputs, then retry the tenant."},
	typev1.Failure_MIGRATION_FAILED:   {typev1.Failure_PRODUCT, 1, "Read the job's last lines, publish a corrected revision and move the tenant to it, or retry the tenant."},
	typev1.Failure_SMOKE_FAILED:       {typev1.Failure_PRODUCT, 3, "Open the customer's URL and read the logs; correct the product or the check, then retry the tenant."},
	typev1.Failure_DISK_FULL:          {typev1.Failure_OPERATOR, forever, "Free or add disk space on the cell; the stamp goes on by itself."},
	typev1.Failure_CELL_UNREACHABLE:   {typev1.Failure_OPERATOR, forever, "Bring the cell's provisioner back; the stamp goes on by itself."},
	typev1.Failure_CAPACITY_EXHAUSTED: {typev1.Failure_OPERATOR, forever, "Add a cell, or free room on one; the tenant is placed as soon as it fits."},
	typev1.Failure_SECRET_UNREADABLE:  {typev1.Failure_OPERATOR, forever, "Bring back the provisioner's secrets.key with which the tenant's secrets were sealed; the stamp goes on by itself."},
	typev1.Failure_TIMED_OUT:          {typev1.Failure_PRODUCT, 3, "Find out what takes so long, or raise the timeout in the blueprint, then retry the tenant."},
	typev1.Failure_CANCELLED:          {typev1.Failure_OPERATOR, 1, "Retry the tenant, or change what is wished for, when the work is to go on."},
	typev1.Failure_RENDER_FAILED:      {typev1.Failure_PRODUCT, 1, "Correct the expression in the blueprint, publish it as a new revision and move the tenant to it."},
	typev1.Failure_DRIVER_ERROR:       {typev1.Failure_PLATFORM, forever, "Read the provisioner's log on that cell for the cause; the stamp is tried again by itself."},
	typev1.Failure_BACKUP_FAILED:      {typev1.Failure_PRODUCT, 3, "Read the job's last lines, correct the blueprint or free space in the repository, then make a backup again."},
	typev1.Failure_RESTORE_FAILED:     {typev1.Failure_PRODUCT, 1, "Read the job's last lines, correct the blueprint's restore job, then restore again, or retry a new tenant; what was there before was brought back unless the message says otherwise."},
	typev1.Failure_BACKUP_INVALID:     {typev1.Failure_OPERATOR, 1, "Choose another backup, or put the repository's files back."},
	typev1.Failure_TASK_FAILED:        {typev1.Failure_PRODUCT, 1, "Read what the task printed, correct what it complains about, then run it again."},
	typev1.Failure_ROTATION_FAILED:    {typev1.Failure_PRODUCT, 3, "Read the job's last lines, correct the blueprint's way to rotate, then rotate the secret again; the value of before was put back unless the message says otherwise."},
	typev1.Failure_REPAIR_FAILED:      {typev1.Failure_OPERATOR, 1, "Resume or retry the tenant, wait for it, then repair again if it still does not serve."},
	typev1.Failure_DESTROY_INCOMPLETE: {typev1.Failure_OPERATOR, 5, "Remove on the cell what the evidence names, then purge again; with force, what is left is named in the receipt."},
}

// cases are reasons of a driver for which the code's own rule is not right: the
// turn is another's.
var cases = map[string]struct {
	code typev1.Failure_Code
	rule
}{
	"NUMBERS_TAKEN":           {typev1.Failure_DRIVER_ERROR, rule{typev1.Failure_OPERATOR, forever, "Make a new tenant from its newest backup and purge this one, or purge the stamp that has its numbers."}},
	"PROGRAM_NOT_IN_ARTIFACT": {typev1.Failure_PROGRAM_MISSING, rule{typev1.Failure_PRODUCT, 1, "Correct the command or the artifact in the blueprint, publish it as a new revision and move the tenant to it."}},
}
