// Package artifact finds the programs that stamps run: archives and files,
// fetched once into a store by digest, and programs that the machine has.
//
// The store is DIR/sha256-<hex>/ for an archive and DIR/sha256-<hex>-<name>/
// for a file. A directory appears whole, by rename, after its digest was
// checked; it belongs to who runs the provisioner, and nobody can write its
// files. Nothing is fetched twice, not even when asked for twice at once.
package artifact
