// Package witness measures what users would have met at a front door, instead
// of claiming it: a steady probe from outside the proxy's process, over new and
// kept connections in turn.
//
// # What is measured
//
// Probes are due on an absolute grid: the k-th at k intervals after the start.
// One that is stalled holds up none of those after it, and what a probe meets
// counts from the moment it was due; so a door that stalls cannot hide it by
// slowing the probe down (coordinated omission).
//
// A probe fails when it gets no connection, no whole answer in time, or one
// with a status of 500 or above. Everything else is an answer.
//
// The longest gap is the longest time between two answers.
//
// Downtime is the time in which nobody who came was served. An outage begins
// when the first probe was due after the last answer, and ends with the next
// answer, whichever probe gets it. It counts when one of its probes failed, or
// when it was longer than what is usual: two intervals, or three times the median
// latency where that is more. So a short stop that only made requests wait is
// downtime, and a slow application that goes on answering is not; a stop in
// which nothing failed is sure to count from three intervals on. An outage that
// ends by answering a probe that waited is taken to have begun halfway between
// the last answer and the first probe. So the length of an outage is off by half
// an interval where requests waited, and by no more than one where they failed:
// Resolution is one interval for each outage, and one when there was none.
//
// Counting begins with the first answer when nothing served before. Time in
// which the witness itself got no processor is starved: probes that came due
// then and are over by more than an interval are not sent but Missed, and
// neither gap nor downtime is claimed for it. All lengths are of the monotonic
// clock, which no adjustment of the wall clock moves.
package witness
