package davit

// GateInstances is the kind of the gate that every stage has.
const GateInstances = "instances"

// Instances returns the gate that every stage has: every instance of the
// candidate is ready, and none is in a crash loop.
func Instances() Gate {
	return gate(GateInstances, "instances", "every instance of the candidate is ready", 0, struct{}{})
}
