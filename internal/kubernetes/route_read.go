package kubernetes

import (
	"encoding/json"
	"maps"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// routingOf reads back what routes say: the split by their weights, whoever wrote
// those; the rest by their notes. Where rules differ, the one that is not as it was
// asked for speaks.
func routingOf(routes []*gatewayv1.HTTPRoute) davit.Routing {
	var routing davit.Routing
	releases := map[davit.ReleaseID]bool{}
	for _, route := range routes {
		var note routeNote
		if json.Unmarshal([]byte(route.Annotations[annotationRouting]), &note) != nil || note.Preview {
			continue // not written by Davit, or the candidate's alone
		}
		routing.Stable, routing.Candidate = note.Stable, note.Candidate
		for _, id := range note.Backends {
			releases[id] = true
		}
		if split := splitOf(route, note); routing.Split == nil || !split.Equal(note.Split) {
			routing.Split = split
		}
	}
	for _, id := range slices.Sorted(maps.Keys(releases)) {
		routing.Releases = append(routing.Releases, &davit.Release{ID: id})
	}
	return routing
}

// splitOf returns the split that a route's rules make of requests that name no
// release. A rule for which not all releases have a service says nothing about
// those that have none.
func splitOf(route *gatewayv1.HTTPRoute, note routeNote) davit.Split {
	var found []davit.Split
	widest := 0
	for _, rule := range route.Spec.Rules {
		public := !slices.ContainsFunc(rule.Matches, func(m gatewayv1.HTTPRouteMatch) bool { return len(m.Headers) > 0 })
		if split := shares(rule.BackendRefs, note.Backends); public && len(split) > 0 {
			found, widest = append(found, split), max(widest, len(split))
		}
	}
	for _, split := range found {
		if len(split) == widest && !split.Equal(note.Split) {
			return split
		}
	}
	return note.Split
}

// shares returns the weights of backends as a split.
func shares(refs []gatewayv1.HTTPBackendRef, releases map[string]davit.ReleaseID) davit.Split {
	weights := map[davit.ReleaseID]int64{}
	for _, ref := range refs {
		weight := int64(1)
		if ref.Weight != nil {
			weight = int64(*ref.Weight)
		}
		if id, known := releases[string(ref.Name)]; known && weight > 0 {
			weights[id] += weight
		}
	}
	return proportional(weights)
}

// proportional returns weights as a split: in thousandths of their sum, rounded
// down, and what is missing then goes to the largest.
func proportional(weights map[davit.ReleaseID]int64) davit.Split {
	sum := int64(0)
	for _, weight := range weights {
		sum += weight
	}
	split, left := davit.Split{}, davit.Whole
	var largest davit.ReleaseID
	for _, id := range slices.Sorted(maps.Keys(weights)) {
		share := int(weights[id] * davit.Whole / sum)
		if left -= share; share > 0 {
			split[id] = share
		}
		if largest == "" || weights[id] > weights[largest] {
			largest = id
		}
	}
	if largest != "" {
		split[largest] += left
	}
	return split
}

// marksOf returns the marks that the routes of a kind were made with.
func marksOf(routes []*gatewayv1.HTTPRoute, kind string) marking {
	for _, route := range routes {
		var note routeNote
		if route.Kind == kind && json.Unmarshal([]byte(route.Annotations[annotationRouting]), &note) == nil && note.Marks != noMarks {
			return note.Marks
		}
	}
	return noMarks
}
