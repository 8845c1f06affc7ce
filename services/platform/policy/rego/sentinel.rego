# Events come from every other service, for no principal.
package redoubt.sentinel

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

denial := shared.denial
