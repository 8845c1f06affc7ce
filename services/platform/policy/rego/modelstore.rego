# Models are read by inference alone, for no principal.
package redoubt.modelstore

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

denial := shared.denial
