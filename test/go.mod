module stampworks.dev/test

go 1.26.0

require (
	google.golang.org/protobuf v1.36.12
	stampworks.dev/pkg v0.0.0
	stampworks.dev/proto v0.0.0
	stampworks.dev/services/gateway v0.0.0
	stampworks.dev/services/health v0.0.0
	stampworks.dev/services/provisioner v0.0.0
	stampworks.dev/services/stamp v0.0.0
	stampworks.dev/services/tenant-registry v0.0.0
)

replace (
	stampworks.dev/pkg => ../pkg
	stampworks.dev/proto => ../proto
	stampworks.dev/services/gateway => ../services/gateway
	stampworks.dev/services/health => ../services/health
	stampworks.dev/services/provisioner => ../services/provisioner
	stampworks.dev/services/stamp => ../services/stamp
	stampworks.dev/services/tenant-registry => ../services/tenant-registry
)
