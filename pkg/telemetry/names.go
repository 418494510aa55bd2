package telemetry

import "go.opentelemetry.io/otel/attribute"

// Names of spans. The variable part of a span is in its attributes, never in
// its name. RPCs and HTTP requests are named by their instrumentation.
const (
	SpanDelivery  = "stampworks.delivery"  // a stored delivery worked on
	SpanOperation = "stampworks.operation" // one attempt of an operation
	SpanPlace     = "stampworks.place"     // a tenant bound to a cell
	SpanStep      = "stampworks.step"      // one action on one component
	SpanJob       = "stampworks.job"       // setup, migrate, backup, restore or a task
	SpanSmoke     = "stampworks.smoke"     // checks through the customer's URL
	SpanReport    = "stampworks.report"    // the status told to the registry
)

// Keys of attributes, on spans and, where marked with an m, on metrics.
const (
	Tenant     = attribute.Key("stampworks.tenant")
	Revision   = attribute.Key("stampworks.revision")
	Operation  = attribute.Key("stampworks.operation")
	Kind       = attribute.Key("stampworks.kind") // m: of an operation or step
	Attempt    = attribute.Key("stampworks.attempt")
	Step       = attribute.Key("stampworks.step")
	Component  = attribute.Key("stampworks.component")
	Cell       = attribute.Key("stampworks.cell") // m
	Driver     = attribute.Key("stampworks.driver")
	ClaimToken = attribute.Key("stampworks.claim.token")
	QueueTime  = attribute.Key("stampworks.queue.seconds") // waited before the attempt began
	Source     = attribute.Key("stampworks.source")        // m
	Delivery   = attribute.Key("stampworks.delivery")
	Outcome    = attribute.Key("stampworks.outcome") // m
	State      = attribute.Key("stampworks.state")   // m
	Reason     = attribute.Key("stampworks.reason")  // m
	RPC        = attribute.Key("stampworks.rpc")     // m: full method name
	Principal  = attribute.Key("stampworks.principal")
)

// Names of metrics. In Prometheus the dots are underscores, and the unit and
// _total are appended: stampworks.operation.duration in seconds is
// stampworks_operation_duration_seconds.
const (
	MetricQueueDepth        = "stampworks.queue.depth"        // gauge, {item}
	MetricQueueAge          = "stampworks.queue.age"          // gauge, s: of the oldest item
	MetricDrift             = "stampworks.drift"              // gauge, {difference}, by kind
	MetricOperationDuration = "stampworks.operation.duration" // histogram, s, by kind and outcome
	MetricOperationWait     = "stampworks.operation.wait"     // histogram, s: time in the queue
	MetricStepDuration      = "stampworks.step.duration"      // histogram, s, by kind and outcome
	MetricTenants           = "stampworks.tenants"            // gauge, {tenant}, by state
	MetricDeliveries        = "stampworks.deliveries"         // counter, {delivery}, by source and outcome
	MetricClaims            = "stampworks.claims"             // gauge, {claim}: held by this replica
	MetricStoreConflicts    = "stampworks.store.conflicts"    // counter, {write}: lost a compare-and-swap
	MetricRPCRefusals       = "stampworks.rpc.refusals"       // counter, {call}, by rpc and reason
	MetricRPCPanics         = "stampworks.rpc.panics"         // counter, {call}, by rpc
)

// Metrics whose label is the tenant; metrics.hide_tenants of the health service
// switches them off.
const (
	MetricTenantInfo   = "stampworks.tenant.info"   // gauge, always 1, with what runs where
	MetricTenantHealth = "stampworks.tenant.health" // gauge, 1 for the present state
	MetricTenantProbe  = "stampworks.tenant.probe"  // gauge, s: of the last answer, by component
)
