module stampworks.dev/services/provisioner

go 1.26.0

require (
	stampworks.dev/pkg v0.0.0
	stampworks.dev/proto v0.0.0
)

require pgregory.net/rapid v1.3.0 // indirect

require (
	github.com/Masterminds/semver/v3 v3.5.0
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/google/nftables v0.3.0
	github.com/mdlayher/netlink v1.7.3-0.20250113171957-fbb4dce95f42 // indirect
	github.com/mdlayher/socket v0.5.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
)

replace (
	stampworks.dev/pkg => ../../pkg
	stampworks.dev/proto => ../../proto
)
