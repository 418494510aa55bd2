// Package server answers the provisioner's RPCs: operations
// (google.longrunning), stamps, and readiness. A file per RPC or per verb of a
// resource; what they decide is in the domain packages.
package server
