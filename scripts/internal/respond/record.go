package respond

import "redoubt.example/services/platform/alert"

// record says in the log what a guard has refused, with the request that the alert is about.
func (e *Engine) record(entry *Entry, a alert.Alert) {
	e.cfg.Log.Warn("response refused", "id", entry.ID, "action", entry.Action, "target", entry.Target, "reason", entry.Reason,
		"alert", entry.Alert, "rule", a.Rule, "request_id", cut(a.Subject.RequestID))
}
