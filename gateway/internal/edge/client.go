package edge

import "redoubt.example/services/platform/apikey"

// client is who sent a request, by the names that events have for clients (package pseudonym): never by one that people go by.
type client struct {
	user, token, apiKey string // whose credential is good
	claimed             string // whom a credential names that isn't
}

// known notes whose credential was found good.
func (x *Exchange) known(cfg Config) {
	x.who = client{user: cfg.Names.Principal(x.Token.Principal), token: x.Token.Name}
	if x.scheme == schemeAPIKey {
		x.who.apiKey, _ = apikey.Prefix(x.credential)
	}
}

// claims notes whom a refused access token names. Anybody can write one: it is who may be a victim, not who did anything.
func (x *Exchange) claims(cfg Config) {
	if cfg.Names != nil && x.scheme != schemeAPIKey {
		x.who = client{claimed: cfg.Names.Principal(cfg.Tokens.Claimed(x.credential))}
	}
}

// describe adds what is known of the client to a line's attributes.
func (x *Exchange) describe(attrs []any) []any {
	from := ""
	if x.From.IsValid() {
		from = x.From.String()
	}
	for _, a := range [...]struct{ key, value string }{{"client", from}, {"country", x.Country}, {"user_hash", x.who.user}, {"token_hash", x.who.token},
		{"api_key", x.who.apiKey}, {"claimed_user_hash", x.who.claimed}} {
		if a.value != "" {
			attrs = append(attrs, a.key, a.value)
		}
	}
	return attrs
}
