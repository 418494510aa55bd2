module stampworks.dev/pkg

go 1.26.0

require (
	stampworks.dev/proto v0.0.0
)

replace (
	stampworks.dev/proto => ../proto
)
