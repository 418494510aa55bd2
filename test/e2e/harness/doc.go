// Package harness starts the real programs against a real etcd and looks at
// them from outside, as operators, tools and customers do: processes, config
// files, REST, webhooks, and the customers' own addresses.
//
//	h := harness.New(t)
//	h.StartAll()
//	h.Publish("helpdesk-lite", "1.0.0")
//	crm := h.Source("crm")
//	crm.Won(harness.Deal{Company: "Acme Rockets", Blueprint: "helpdesk-lite"})
//	tenant := h.API.AwaitActive("acme-rockets", time.Minute)
//
// Everything that a test starts ends with it: the services, etcd, and every
// stamp. A process that is left makes the test fail. Logs of a failed test are
// printed. Times are bounded; what takes too long fails with what was last seen.
package harness
