// Package attacks is the suite: one folder for each attack, with a literal description and a script. It knows what is
// attempted and what ought to stop it; whether that is so is judged elsewhere, by evidence.
package attacks

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed */attack.yaml */attack.js lib/*.js
var files embed.FS

// Files are the scripts, as k6 needs them on disk: <id>/attack.js beside lib/.
func Files() fs.FS { return files }

// Attack is one of the suite, as its attack.yaml describes it.
type Attack struct {
	ID        string        `yaml:"id"`
	Title     string        `yaml:"title"`
	Threat    string        `yaml:"threat"`     // of package threatmodel
	Technique string        `yaml:"technique"`  // MITRE ATT&CK
	Vantage   Vantage       `yaml:"vantage"`    // what the attacker has
	BlockedBy string        `yaml:"blocked_by"` // the control that is expected to stop it
	BackedBy  []string      `yaml:"backed_by"`  // those that would, too: all of them go for it to succeed
	Evidence  string        `yaml:"evidence"`   // EvidenceRecord when not given
	Modes     []string      `yaml:"modes"`      // of the mesh in which it applies
	Target    string        `yaml:"target"`     // the component where its controls act, where their owner is every service
	Needs     string        `yaml:"needs"`      // one of Needs*; nothing when not given
	Timeout   time.Duration `yaml:"timeout"`    // of each of benign and attack; 10s when not given
	Restart   string        `yaml:"restart"`    // a component that is started again after the attack: the script's check says what came of it
	Permitted Vantage       `yaml:"permitted"`  // where the benign twin is done from, where that isn't the attacker's vantage point
	Alone     bool          `yaml:"alone"`      // nothing else may run beside it: it is about load or time
	Raises    string        `yaml:"raises"`     // the alert that is the evidence, where nothing stops it
}

// What an attack may need of the lab beyond its mode.
const (
	NeedsRoot      = "root"           // each workload has a user of its own
	NeedsLimits    = "limits"         // rate limits that a flood can reach, and a deny list
	NeedsName      = "name"           // a name that resolves to loopback
	NeedsModel     = "language-model" // one behind inference, that writes
	NeedsListed    = "listed"         // NeedsLimits, and to be able to come from an address of the deny list
	NeedsPlaces    = "places"         // addresses in several countries to come from
	NeedsContained = "contained"      // a credential of its own, revoked by the operator
	NeedsResponse  = "response"       // runbooks that act by themselves meanwhile

	NeedsPage       = "page"       // the lab's page
	NeedsBrowser    = "browser"    // the lab's page, and a browser in which its operator looks at it
	NeedsContainers = "containers" // networks between services, which processes of one machine don't have
)

// The kinds of evidence that a refusal needs to count as blocked.
const (
	EvidenceRecord = "record" // the named control's own decision record of that attempt
	EvidenceKernel = "kernel" // the attacker's errno, and the same probe succeeding from the permitted vantage point
	EvidenceAudit  = "audit"  // the answer of Vault, Consul or PostgreSQL in their own log
	EvidenceAlert  = "alert"  // no control stops it, and it must be found: the alert that it raises
)

// Controls are all that stand in its way, the expected one first; none where it is only found.
func (a Attack) Controls() []string {
	if a.Evidence == EvidenceAlert {
		return nil
	}
	return append([]string{a.BlockedBy}, a.BackedBy...)
}

// Load returns all attacks in the order of their IDs.
func Load() ([]Attack, error) { return Read(files) }

// Read is Load for any folder.
func Read(folder fs.FS) ([]Attack, error) {
	found, err := fs.Glob(folder, "*/attack.yaml")
	if err != nil {
		return nil, err
	}
	var all []Attack
	var errs []error
	for _, name := range found {
		a, err := read(folder, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Attack) int { return strings.Compare(a.ID, b.ID) })
	return all, errors.Join(errs...)
}

func read(folder fs.FS, name string) (Attack, error) {
	raw, err := fs.ReadFile(folder, name)
	if err != nil {
		return Attack{}, err
	}
	var a Attack
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&a); err != nil {
		return Attack{}, err
	}
	if a.Timeout == 0 {
		a.Timeout = 10 * time.Second
	}
	if a.Evidence == "" {
		a.Evidence = EvidenceRecord
	}
	script, err := fs.ReadFile(folder, path.Join(path.Dir(name), "attack.js"))
	if err != nil {
		return a, err
	}
	return a, errors.Join(a.check(path.Dir(name)), checkScript(string(script)))
}
