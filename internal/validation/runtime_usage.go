package validation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// beside bounds what a release may take more than the stable one.
type beside struct {
	Ratio float64 `json:"ratio"` // of what the stable one takes
	Slack float64 `json:"slack"` // above that, in the unit of the check
}

func (b *beside) check() error {
	if b.Ratio < 1 || b.Slack < 0 {
		return errors.New("ratio is 1 or more, slack 0 or more")
	}
	return nil
}

type cpuParams struct {
	beside
	// Window is how long to look: platforms read what is used once a second.
	Window davit.Duration `json:"window"`
}

// allows returns the most that is allowed beside what the stable one takes.
func (b *beside) allows(stable float64) float64 { return stable*b.Ratio + b.Slack }

// runtimeUsage compares what instances take with what those of the stable
// release take.
func runtimeUsage() []Check {
	return []Check{
		define(Check{
			ID: "runtime.memory", Category: Runtime, Severity: davit.Advisory,
			Proves: "instances take no more memory than those of the stable release, and stay clear of their bound",
			Hint:   "profile the heap; slack is in MiB, set with: {ratio: …, slack: …}",
		}, beside{1.5, 64}, func(ctx context.Context, x *exam, p beside) error {
			return compare(ctx, x, p, "memory", "MiB", 0, func(i davit.Instance) float64 { return float64(i.Usage.MemoryBytes) / (1 << 20) },
				func(s davit.Service) float64 { return 0.9 * float64(s.Resources.MemoryBytes) / (1 << 20) })
		}),
		define(Check{
			ID: "runtime.files", Category: Runtime, Severity: davit.Advisory,
			Proves: "instances have no more files and connections open than those of the stable release, and stay clear of their bound",
			Hint:   "look for answers that are not closed; set with: {ratio: …, slack: …}",
		}, beside{1.5, 64}, func(ctx context.Context, x *exam, p beside) error {
			return compare(ctx, x, p, "open files", "files", 0, func(i davit.Instance) float64 { return float64(i.Usage.OpenFiles) },
				func(s davit.Service) float64 { return 0.9 * float64(s.Resources.OpenFiles) })
		}),
		define(Check{
			ID: "runtime.cpu", Category: Runtime, Severity: davit.Advisory, Retries: -1,
			Proves: "instances take no more processor time than those of the stable release, over a second or two",
			Hint:   "profile it; slack is in processors, set with: {ratio: …, slack: …}",
		}, cpuParams{beside{2, 0.5}, ms(1500)}, func(ctx context.Context, x *exam, p cpuParams) error {
			return compare(ctx, x, p.beside, "CPU", "processors", p.Window.D(), func(i davit.Instance) float64 { return i.Usage.CPU.D().Seconds() }, nil)
		}),
	}
}

// compare compares the largest instance of each service with the largest one of
// the stable release. With a window what is compared is the growth a second.
func compare(ctx context.Context, x *exam, p beside, what, unit string, window time.Duration, of func(davit.Instance) float64, bound func(davit.Service) float64) error {
	if x.Release == nil {
		return skip("a URL alone does not tell what it takes")
	}
	if x.Stable == "" && bound == nil {
		return skip("there is no stable release beside it")
	}
	used, err := x.used(ctx, window, of)
	if err != nil {
		return err
	}
	for _, service := range used.services {
		is := used.most[x.Release.ID][service]
		asked := what + " of " + service
		if stable, ok := used.most[x.Stable][service]; ok && x.Stable != "" && stable > 0 {
			most := p.allows(stable)
			x.expect(is <= most, asked, fmt.Sprintf("%.3g %s beside %.3g of the stable release", is, unit, stable), fmt.Sprintf("at most %.3g %s", most, unit))
		}
		if bound == nil {
			continue
		}
		if most := bound(x.Release.Config.Services[service]); most > 0 {
			x.expect(is <= most, asked, fmt.Sprintf("%.3g %s", is, unit), fmt.Sprintf("at most %.3g %s, nine tenths of its bound", most, unit))
		}
	}
	if len(x.evidence) == 0 {
		return skip("there is neither a stable release beside it nor a bound, or the platform does not tell")
	}
	return nil
}

// usage is the most that an instance of a release's service takes.
type usage struct {
	services []string
	most     map[davit.ReleaseID]map[string]float64
}

// used looks at all instances; with a window twice, at those that are there
// both times.
func (x *exam) used(ctx context.Context, window time.Duration, of func(davit.Instance) float64) (*usage, error) {
	all := func(davit.ReleaseID) bool { return true }
	instances, err := x.instancesOf(ctx, all)
	if err != nil {
		return nil, err
	}
	start := map[string]float64{}
	began := time.Now()
	if window > 0 {
		for _, i := range instances {
			start[i.ID] = of(i)
		}
		if !rest(ctx, window) {
			return nil, ctx.Err()
		}
		if instances, err = x.instancesOf(ctx, all); err != nil {
			return nil, err
		}
	}
	u := &usage{most: map[davit.ReleaseID]map[string]float64{}}
	for _, i := range instances {
		value := of(i)
		if window > 0 {
			before, known := start[i.ID]
			if !known || i.Restarts > 0 {
				continue
			}
			value = max(0, value-before) / time.Since(began).Seconds()
		}
		if u.most[i.Release] == nil {
			u.most[i.Release] = map[string]float64{}
		}
		if _, seen := u.most[i.Release][i.Service]; !seen && i.Release == x.Release.ID && (value > 0 || window > 0) {
			u.services = append(u.services, i.Service)
		}
		u.most[i.Release][i.Service] = max(u.most[i.Release][i.Service], value)
	}
	return u, nil
}
