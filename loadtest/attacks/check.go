package attacks

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	attackID  = regexp.MustCompile(`^[a-z]+(\.[a-z0-9-]+)+$`)
	technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	modes     = []string{"sidecar", "native", "plaintext"}
	needs     = []string{NeedsRoot, NeedsLimits, NeedsName, NeedsModel, NeedsListed, NeedsPlaces, NeedsContained, NeedsResponse, NeedsPage, NeedsBrowser, NeedsContainers}
)

// check reports everything that is wrong with one description by itself.
func (a Attack) check(folder string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !attackID.MatchString(a.ID) || a.ID != folder {
		bad("id %q isn't the folder's name, or not like edge.jwt.alg-none", a.ID)
	}
	found := a.Evidence == EvidenceAlert
	if a.Title == "" || a.Threat == "" || (a.BlockedBy == "") != found || (a.Raises == "") == found {
		bad("it needs title, threat and blocked_by; or, where the evidence is an alert, raises instead of blocked_by")
	}
	if found && len(a.BackedBy) > 0 {
		bad("an attack that is only found is backed by nothing")
	}
	if !technique.MatchString(a.Technique) {
		bad("%q is no technique of ATT&CK", a.Technique)
	}
	if err := a.Vantage.check(); err != nil {
		errs = append(errs, err)
	}
	if slices.Contains(a.BackedBy, a.BlockedBy) || len(slices.Compact(slices.Sorted(slices.Values(a.BackedBy)))) != len(a.BackedBy) {
		bad("a control is named twice in blocked_by and backed_by")
	}
	if !slices.Contains([]string{EvidenceRecord, EvidenceKernel, EvidenceAudit, EvidenceAlert}, a.Evidence) {
		bad("evidence is record, kernel, audit or alert, not %q", a.Evidence)
	}
	if !slices.Contains(append(needs, ""), a.Needs) {
		bad("it needs one of %s, not %q", strings.Join(needs, ", "), a.Needs)
	}
	if a.Permitted != "" {
		errs = append(errs, a.Permitted.check())
	}
	if len(a.Modes) == 0 {
		bad("it applies in no mode")
	}
	for _, m := range a.Modes {
		if !slices.Contains(modes, m) {
			bad("there is no mode %q to attack", m)
		}
	}
	if a.Timeout < time.Second || a.Timeout > 30*time.Second {
		bad("a timeout of %s isn't between 1s and 30s", a.Timeout)
	}
	return errors.Join(errs...)
}

// checkScript finds what a script must export, and what it mustn't use: k6's own clients can't show a peer's address, and
// loops belong where they are bounded.
func checkScript(text string) error {
	var errs []error
	for _, name := range []string{"benign", "attack"} {
		if !regexp.MustCompile(`(?m)^export function ` + name + `\(`).MatchString(text) {
			errs = append(errs, fmt.Errorf("attack.js doesn't export function %s", name))
		}
	}
	for _, module := range []string{"k6/http", "k6/net/grpc", "k6/ws"} {
		if strings.Contains(text, "'"+module+"'") {
			errs = append(errs, fmt.Errorf("attack.js imports %s: use lab.http or k6/x/mesh, whose addresses are evidence", module))
		}
	}
	return errors.Join(errs...)
}
