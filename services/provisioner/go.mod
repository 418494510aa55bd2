module stampworks.dev/services/provisioner

go 1.26.0

require (
	stampworks.dev/pkg v0.0.0
	stampworks.dev/proto v0.0.0
)

replace (
	stampworks.dev/pkg => ../../pkg
	stampworks.dev/proto => ../../proto
)
