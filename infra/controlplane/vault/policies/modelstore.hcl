# Serving what is signed already needs nothing from Vault. (A policy with no path grants nothing.)
