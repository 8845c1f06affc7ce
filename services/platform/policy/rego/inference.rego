# Inferences charge the principal; the models are the same for everybody.
package redoubt.inference

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

allow := "own-object" if shared.owned

denial := shared.denial
