package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"stampworks.dev/pkg/blueprint/internal/quantity"
	"stampworks.dev/pkg/blueprint/internal/suggest"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// resources are what one replica of a component gets in a plan.
type resources struct {
	cpu, memory struct{ request, limit int64 }
	volumes     map[string]int64
	replicas    int
}

// layer is what one plan of a chain says.
type layer struct {
	path string
	by   map[string]*typev1.Resources
}

const everyComponent = "default"

// resolveResources lays what the plans say over the defaults: first what they
// say of every component, then of each, the extended plan before the extending.
func (c *compiler) resolveResources(name string, layers []layer) map[string]resources {
	own := layers[len(layers)-1] // the others are checked in their own plan
	for _, who := range sortedKeys(own.by) {
		c.checkResources(own.path+"."+who, who, own.by[who])
	}
	out := map[string]resources{}
	for _, who := range sortedKeys(c.msg.GetComponents()) {
		r := resources{volumes: map[string]int64{}, replicas: 1}
		r.cpu.request, r.cpu.limit = defaultCPU, defaultCPU
		r.memory.request, r.memory.limit = defaultMemory, defaultMemory
		for _, volume := range c.msg.GetComponents()[who].GetVolumes() {
			r.volumes[volume] = defaultVolumeBytes
		}
		for _, which := range []string{everyComponent, who} {
			for _, l := range layers {
				r.lay(l.by[which])
			}
		}
		c.checkResolved(name, who, own, r)
		out[who] = r
	}
	return out
}

// lay applies one layer. What cannot be read was reported and changes nothing.
func (r *resources) lay(m *typev1.Resources) {
	set := func(text string, read func(string) (int64, error), into ...*int64) {
		if n, err := read(text); text != "" && err == nil {
			for _, p := range into {
				*p = n
			}
		}
	}
	set(m.GetCpu(), quantity.CPU, &r.cpu.request, &r.cpu.limit)
	set(m.GetMemory(), quantity.Bytes, &r.memory.request, &r.memory.limit)
	set(m.GetRequests().GetCpu(), quantity.CPU, &r.cpu.request)
	set(m.GetRequests().GetMemory(), quantity.Bytes, &r.memory.request)
	set(m.GetLimits().GetCpu(), quantity.CPU, &r.cpu.limit)
	set(m.GetLimits().GetMemory(), quantity.Bytes, &r.memory.limit)
	for volume, size := range m.GetVolumes() {
		if n, err := quantity.Bytes(size); err == nil {
			if _, has := r.volumes[volume]; has {
				r.volumes[volume] = n
			}
		}
	}
	if n := m.GetReplicas(); n > 0 {
		r.replicas = int(n)
	}
}

// checkResources checks what one plan says of one component.
func (c *compiler) checkResources(path, who string, m *typev1.Resources) {
	components := sortedKeys(c.msg.GetComponents())
	component := c.msg.GetComponents()[who]
	if component == nil && who != everyComponent {
		c.atKey(path, fmt.Sprintf("there is no component %q", who)+suggest.DidYouMean(who, components), "one of default, "+strings.Join(components, ", "))
		return
	}
	c.checkAmounts(path, m.GetCpu(), m.GetMemory())
	c.checkAmounts(path+".requests", m.GetRequests().GetCpu(), m.GetRequests().GetMemory())
	c.checkAmounts(path+".limits", m.GetLimits().GetCpu(), m.GetLimits().GetMemory())
	for _, volume := range sortedKeys(m.GetVolumes()) {
		at := path + ".volumes." + volume
		if !c.hasVolume(who, volume) {
			c.atKey(at, fmt.Sprintf("there is no volume %q", volume)+suggest.DidYouMean(volume, component.GetVolumes()), "a volume of the component")
		}
		if _, err := quantity.Bytes(m.GetVolumes()[volume]); err != nil {
			c.at(at, err.Error(), quantity.BytesForm)
		}
	}
	if n := m.GetReplicas(); n < 0 || n > 100 {
		c.at(path+".replicas", fmt.Sprintf("is %d", n), "1 to 100")
	}
}

func (c *compiler) hasVolume(who, volume string) bool {
	for name, component := range c.msg.GetComponents() {
		if (name == who || who == everyComponent) && slices.Contains(component.GetVolumes(), volume) {
			return true
		}
	}
	return false
}

func (c *compiler) checkAmounts(path, cpu, memory string) {
	if _, err := quantity.CPU(cpu); cpu != "" && err != nil {
		c.at(path+".cpu", err.Error(), quantity.CPUForm)
	}
	if _, err := quantity.Bytes(memory); memory != "" && err != nil {
		c.at(path+".memory", err.Error(), quantity.BytesForm)
	}
}

// checkResolved checks what a component ends up with.
func (c *compiler) checkResolved(name, who string, own layer, r resources) {
	path := own.path + "." + who
	if r.cpu.request > r.cpu.limit {
		c.atKey(path, fmt.Sprintf("plan %q reserves %dm of processor and allows %dm", name, r.cpu.request, r.cpu.limit), "a limit no lower than the request")
	}
	if r.memory.request > r.memory.limit {
		c.atKey(path, fmt.Sprintf("plan %q reserves %d bytes of memory and allows %d", name, r.memory.request, r.memory.limit), "a limit no lower than the request")
	}
	if r.replicas > 1 && len(r.volumes) > 0 {
		c.atKey(path, fmt.Sprintf("plan %q runs %s %d times over one volume (%s)", name, who, r.replicas, strings.Join(slices.Sorted(maps.Keys(r.volumes)), ", ")), "replicas of components without volumes")
	}
}
