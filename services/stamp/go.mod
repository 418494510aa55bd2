module stampworks.dev/services/stamp

go 1.26.0

require (
	stampworks.dev/pkg v0.0.0
	stampworks.dev/proto v0.0.0
	stampworks.dev/services/tenant-registry v0.0.0
	stampworks.dev/services/provisioner v0.0.0
	stampworks.dev/services/health v0.0.0
	stampworks.dev/services/gateway v0.0.0
)

replace (
	stampworks.dev/pkg => ../../pkg
	stampworks.dev/proto => ../../proto
	stampworks.dev/services/tenant-registry => ../tenant-registry
	stampworks.dev/services/provisioner => ../provisioner
	stampworks.dev/services/health => ../health
	stampworks.dev/services/gateway => ../gateway
)
