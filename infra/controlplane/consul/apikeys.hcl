# Who checks API keys: it reads their hashes, and changes none.
key_prefix "redoubt/apikeys/" { policy = "read" }
