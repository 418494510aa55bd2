package blueprint

import (
	"fmt"
	"time"
)

func (p *probe) render(f *filler, timeout, every time.Duration) (*Probe, error) {
	if p == nil {
		return nil, nil
	}
	out := &Probe{Status: int(p.msg.GetStatus()), Timeout: durationOr(p.msg.GetTimeout(), timeout),
		Every: durationOr(p.msg.GetEvery(), every), Slow: p.msg.GetSlow().AsDuration()}
	var err error
	if out.Command, err = p.exec.render(f); err != nil {
		return nil, err
	}
	for _, k := range []struct {
		port string
		into *string
	}{{p.msg.GetHttp(), &out.HTTP}, {p.msg.GetTcp(), &out.TCP}, {p.msg.GetGrpc(), &out.GRPC}} {
		if k.port == "" {
			continue
		}
		port, ok := f.env.Ports[f.component+"."+k.port]
		if !ok {
			return nil, fmt.Errorf("render probe of %s: port %q is not given", f.component, k.port)
		}
		*k.into = address(port)
	}
	if out.HTTP == "" {
		return out, nil
	}
	path := "/"
	if p.path != nil {
		if path, err = f.fill(p.path); err != nil {
			return nil, err
		}
	}
	out.HTTP = "http://" + out.HTTP + path
	return out, nil
}
