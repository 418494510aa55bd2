// Package admin serves what operators look at, on a port of its own: /metrics
// (Prometheus, or OpenMetrics with exemplars), /healthz (the process is up),
// /readyz (it can do its work, or why not) and /debug/pprof. It has no
// authentication: keep it on loopback or inside the cluster. Profiles hold
// memory contents and are given to this machine only.
package admin
