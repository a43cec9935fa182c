package server

// Paged is what a list is asked for in parts by.
type Paged struct {
	After string `query:"after" maxLength:"256" doc:"next of the page before; from the first on when left out"`
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"how many at most"`
}

// page returns some elements of a list, from the one at an index on, and what to ask for
// the next ones after; "" when there are none. name is what an element is asked for after.
func page[T any](all []T, from, limit int, name func(T) string) (part []T, next string) {
	all = all[from:]
	if len(all) <= limit {
		return all, ""
	}
	return all[:limit], name(all[limit-1])
}
