// Package repository keeps backups of a cell's stamps, outside of the stamps.
//
//	DIR/                             0700, the provisioner's
//	  <tenant>.<uid>/<id>/files/     what the backup job wrote; 0600, directories 0700
//	  <tenant>.<uid>/<id>/manifest.json    0600: size, digest, and each file's
//	  <tenant>.<uid>/.part-<token>-…       being made, or left by a crash
//	  <tenant>.<uid>/.drop-…               being removed, or left by a crash
//
// A backup is there under its id as a whole, on disk, or not at all. What a
// crash left is removed by the next call for that tenant.
//
// What is copied comes from a directory in which a customer's programs write,
// while they run, and is copied by root. So it is read one path element at a
// time from open directories, no symbolic link is followed, and nothing but
// files and directories of the stamp's own user is taken.
package repository
