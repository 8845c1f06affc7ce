# Documents: each belongs to the principal that posted it.
package redoubt.ingestion

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

allow := "own-object" if shared.owned

denial := shared.denial
