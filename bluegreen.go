package davit

// BlueGreenOptions are the options of a blue-green rollout.
type BlueGreenOptions struct {
	// Bake is how long the candidate is judged under full traffic before it
	// is promoted.
	Bake Duration `json:"bake,omitempty"`
}

// blueGreen brings the candidate to full size without traffic, where previews
// and gates reach it, then gives it everything at once.
func blueGreen(r request, o BlueGreenOptions) []Stage {
	warm := sized(r.stable, 0, full)
	return append([]Stage{
		r.stage("preview", r.stable.Full(), sized(r.target, 0, full), 0, 0),
		r.stage("switch", warm, r.target.Full(), Whole, o.Bake.D()),
	}, r.watch(warm)...)
}
