package blueprint

// Environment is what one tenant's stamp adds to a recipe: everything that an
// expression can name. Render reads it and keeps nothing of it.
type Environment struct {
	// Tenant is whose copy it is.
	Tenant Tenant
	// Plan is one of the recipe's plans.
	Plan string
	// Inputs are as ResolveInputs gives them. Values that went through JSON
	// (whole numbers as float64) are taken too.
	Inputs map[string]any
	// Secrets holds a text for every declared secret: the value, or a
	// placeholder that stands for it in a ledger.
	Secrets map[string]string
	// Ports says where each "component.port" listens and is reached.
	Ports map[string]Port
	// Volumes is the directory of each "component.volume".
	Volumes map[string]string
	// Files is the directory that each component's files are written to.
	Files map[string]string
	// Tmp is each component's directory for sockets and the like.
	Tmp map[string]string
	// Backup is the directory that backup and restore jobs work in.
	Backup string
	// EndpointURL is the address that the customer is given, such as
	// "http://127.0.0.1:20001"; empty when the recipe has no endpoint.
	EndpointURL string
}

// Tenant is what expressions know of a tenant.
type Tenant struct{ ID, UID, DisplayName, Plan, Region, Revision string }

// Port is one port of one stamp. Listen is the address to bind to, Host the
// one that other components use; they differ where a name leads to a port.
type Port struct {
	Listen, Host string
	Port         int
}
