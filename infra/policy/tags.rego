# Whose it is, and who pays.
package infra

labels := {"workload", "environment", "owner", "cost_center", "managed_by"}

deny contains violation("tags", r, sprintf("tags are missing: %s", [concat(", ", sort(missing))])) if {
	some r in resources
	"tags" in object.keys(r.change.after) # the types that take tags have the attribute, set or not
	tags := object.union({}, [t | t := r.change.after.tags; is_object(t)][0])
	missing := labels - {name | some name, value in tags; value != ""}
	count(missing) > 0
}

deny contains violation("tags", r, sprintf("tags are missing: %s", [concat(", ", sort(labels))])) if {
	some r in resources
	"tags" in object.keys(r.change.after)
	not is_object(r.change.after.tags)
}
