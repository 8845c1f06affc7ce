package threatmodel

// Assets are what topology.yaml doesn't name; the others are written "database:payments", "bucket:models",
// "secret:transit/sign/modelstore" and "identity:ingestion".
var Assets = map[string]string{
	"access tokens":      "a customer's rights at the edge, for up to 15 minutes",
	"api keys":           "a machine client's rights at the edge, until they are revoked",
	"transaction tokens": "a customer's rights inside, on one transaction's path, for 15 seconds",
	"catalog":            "Consul's list of who is where, and its intentions",
	"policy":             "the rules by which services decide",
	"logs":               "what happened, and who did it",
	"operator's page":    "what the lab's page shows, and the orders that it gives in its operator's name",
	"availability":       "that honest clients are served",
}

// Places are the ends of hops that aren't services of topology.yaml.
var Places = map[string]string{
	"outside":        "clients, and everybody else on the internet",
	"machine":        "a process on the same machine that is none of the platform's",
	"consul":         "catalog, intentions and the mesh's CA",
	"vault":          "keys, leases and identities",
	"postgres":       "the services' databases",
	"page":           "the lab's page, in its operator's browser",
	"receiver":       "a customer's server that webhooks go to",
	"upstream model": "a language model behind inference, where one is set",
}
