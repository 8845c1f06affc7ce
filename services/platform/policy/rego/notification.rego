# Messages and webhook endpoints belong to a principal; a caller notifies nobody but the token's.
package redoubt.notification

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

allow := "own-object" if shared.owned

denial := shared.denial
