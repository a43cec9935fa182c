package config

// Bounds of a document.
const (
	maxServices     = 128
	maxEnvironments = 64
	maxReplicas     = 1000
	maxRoutes       = 1000
	maxItems        = 1000
)

// document is a whole davit.yaml.
type document struct {
	application  item[string]
	services     dictionary[service]
	routes       sequence[route]
	environments dictionary[*node]
	release      item[releasing]
}

// The keys that the release commands read, of a file that may have no other.
const (
	applicationKey = "application"
	releaseKey     = "release"
)

func (*document) about() about {
	return about{name: "davit.yaml", doc: "The file davit.yaml describes one application: its services, " +
		"the routes that lead to them, and the environments it runs in. Relative paths start from its folder."}
}

func (d *document) fields() []field {
	return []field{
		{
			key: applicationKey, into: scalar(&d.application, label()), required: true,
			doc: "name of the application",
		},
		{
			key: "services", into: tableOf(&d.services, maxServices, label(), object[service]), required: true,
			doc: "the parts of the application; they are one release and switch together",
		},
		{
			key: "routes", into: listOf(&d.routes, maxRoutes, object[route]),
			absent: "`/` leads to the service that takes traffic, if there is one only",
			doc:    "which requests go to which service",
		},
		{
			key: "environments", into: tableOf(&d.environments, maxEnvironments, label(), lateObject[environment]), required: true,
			doc: "where the application runs, and how it is deployed there",
		},
		{key: releaseKey, into: object(&d.release), doc: "how `davit release` makes releases"},
	}
}
