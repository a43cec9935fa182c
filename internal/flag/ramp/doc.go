// Package ramp makes the percentage of a feature flag a platform that releases are
// rolled out on: a variant is a release, its share of the users the split, and what
// applications report the figures that gates judge by. So a ramp has the gates, the
// journal, the hauling back and the resuming of every other rollout.
//
// What people say goes before what a ramp says: as soon as somebody else changes who
// gets what, the ramped variant counts as failed, the ramp is over, and the flag stays
// as they left it.
package ramp
