// Package config reads what operators write: a YAML file, then STAMPWORKS_*
// variables, then the check of the struct itself.
//
// The contract:
//
//   - The struct holds its defaults before Load; a key that is not in the file
//     keeps its default, so a new binary runs with an old file.
//   - An unknown key fails, with its path, line and the nearest known key.
//   - Each leaf has a variable: grpc.listen is STAMPWORKS_GRPC_LISTEN, data_dir
//     is STAMPWORKS_DATA_DIR. Lists are separated by commas, maps are
//     name=value with commas between, durations are written 10s. Lists of
//     structs exist in the file only.
//   - An unknown STAMPWORKS_* variable fails too, except those of Shared.
//   - Validate() error of the struct, and of each struct in it, runs at the
//     end; errors carry the path of the key.
//
// Fields are named by their yaml tag; a help tag is printed by Describe.
//
// Example:
//
//	type Config struct {
//		GRPC rpc.ServerConfig `yaml:"grpc" help:"where gRPC is served"`
//		Settle time.Duration  `yaml:"settle" help:"stable membership before a shard moves"`
//	}
//	cfg := Config{Settle: 30 * time.Second}
//	err := config.Load(path, &cfg, os.Environ())
package config
