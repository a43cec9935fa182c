package simulation

import "time"

// Alike returns worlds in which candidate and stable are the same: whoever hauls
// back there raises a false alarm.
func Alike() []World {
	canary := []Stage{{0.05, 5 * time.Minute}}
	steps := []Stage{{0.05, 100 * time.Second}, {0.25, 100 * time.Second}, {0.5, 100 * time.Second}}
	base := World{Rate: 100, Stages: canary, Stable: 0.001, Candidate: 0.001}
	vary := func(name string, change func(*World)) World {
		w := base
		w.Name = name
		change(&w)
		return w
	}
	return []World{
		vary("independent", func(*World) {}),
		vary("newcomers dealt in turn", func(w *World) { w.Even, w.Stages = true, steps }),
		vary("bursts", func(w *World) {
			w.BurstEvery, w.BurstFor, w.BurstRate = 20*time.Second, time.Second, 0.3
		}),
		vary("outage of both", func(w *World) {
			w.BurstEvery, w.BurstFor, w.BurstRate, w.Stages = time.Minute, 20*time.Second, 1, steps
		}),
		vary("autocorrelated", func(w *World) {
			w.Stable, w.Candidate, w.Wander, w.WanderOver = 0.005, 0.005, 1.5, 30*time.Second
		}),
		vary("users who stay, and try again", func(w *World) {
			w.Users, w.Retries, w.RetryFails, w.Stages = 2000, 50, 0.9, steps
		}),
		vary("all of it", func(w *World) {
			w.Users, w.Retries, w.RetryFails, w.Stages = 2000, 50, 0.9, steps
			w.Wander, w.WanderOver = 1.5, 30*time.Second
			w.BurstEvery, w.BurstFor, w.BurstRate = 20*time.Second, time.Second, 0.3
		}),
	}
}
