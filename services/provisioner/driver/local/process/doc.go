// Package process tells processes apart for longer than their pid does, and
// ends them with all that they started. Standard library only: the supervisor
// is built from it.
package process
