// Package report holds what a benchmark run of the platform found, and writes it for people and for machines.
package report

import "time"

// Version is the schema's: it changes when a field changes its meaning or goes away. A new field doesn't change it.
const Version = 1

// Baseline is the profile that the others are compared with: its added latency is zero by definition.
const Baseline = "plaintext"

// Result is one run of `lab bench`. Times are in microseconds; an interval is [low, high]. What was not measured
// is absent, never zero: a zero where nothing can cost zero (an interval of no width, a request's processor time)
// reads as absent, too. result.schema.json documents each field and is what Read accepts.
type Result struct {
	Version     int           `json:"version"`
	Began       time.Time     `json:"began"`
	Seconds     float64       `json:"seconds"`
	Revision    string        `json:"revision,omitempty"`
	Machine     Machine       `json:"machine"`
	State       string        `json:"state"`   // of the processors: kept-awake, as-found or half-load
	Stopped     string        `json:"stopped"` // why measuring ended: "interval" or "time"
	Method      Method        `json:"method,omitzero"`
	AA          AA            `json:"aa"`
	Calibration []Calibration `json:"calibration"`
	Profiles    []Profile     `json:"profiles"`
	Controls    []Control     `json:"controls,omitempty"`
	Ledger      []Line        `json:"ledger"` // of layered
	Residual    float64       `json:"residual_p50_us"`
	Load        []Load        `json:"load,omitempty"`
	Chains      []Chain       `json:"chains,omitempty"`
	Storms      []Storm       `json:"under_attack,omitempty"`
	Detected    []Detected    `json:"detected,omitempty"` // of another run: `lab attack run --detect`
}

// Method is how it was measured, in figures and in sentences that the report prints as they are.
type Method struct {
	Request string `json:"request,omitempty"` // such as "POST /v1/documents"
	Pairs   int    `json:"pairs,omitempty"`   // of blocks, for each comparison
	Block   int    `json:"block,omitempty"`   // requests
	Warmup  int    `json:"warmup,omitempty"`  // requests discarded before each block
	// Generator is the share of one processor that the prober itself was busy for, where that was most.
	Generator float64  `json:"generator_share,omitempty"`
	Notes     []string `json:"notes,omitempty"`
}

// Machine is what it was measured on.
type Machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Processors int    `json:"processors"`
	Model      string `json:"model,omitempty"`
	Go         string `json:"go"`
}

// Interval is a confidence interval, [low, high].
type Interval [2]float64

// Measured tells whether there is one: an interval of no width wasn't measured.
func (i Interval) Measured() bool { return i[1] > i[0] }

// Contains tells whether a value lies inside.
func (i Interval) Contains(v float64) bool { return i[0] <= v && v <= i[1] }

// AA compares the platform with itself: zero has to lie in the interval, or the run proves nothing.
type AA struct {
	Diff  float64  `json:"diff_us"`
	CI999 Interval `json:"ci999_us"`
	Pairs int      `json:"pairs"`
}

// Calibration is a known delay, injected into one control at one hop, and what the harness made of it.
type Calibration struct {
	Hop       string   `json:"hop"`
	Control   string   `json:"control"`
	Injected  float64  `json:"injected_us"` // by the injector's own clock
	Recovered float64  `json:"recovered_us"`
	CI95      Interval `json:"ci95_us"`
}

// Profile is a row of the matrix: what a named set of controls adds to plaintext, and what it stops.
type Profile struct {
	Name     string   `json:"name"`
	AddedP50 float64  `json:"added_p50_us"`
	AddedP90 float64  `json:"added_p90_us"`
	AddedP99 float64  `json:"added_p99_us"`
	CI95     Interval `json:"ci95_us"` // of AddedP50
	CI95P90  Interval `json:"ci95_p90_us,omitzero"`
	CI95P99  Interval `json:"ci95_p99_us,omitzero"`
	// Latency is the distribution of all requests' latency, as the client saw it, by rising share.
	Latency       []Quantile `json:"latency,omitempty"`
	Others        []Other    `json:"others,omitempty"` // other requests than the method's
	CPU           float64    `json:"cpu_us_per_request"`
	Throughput    float64    `json:"requests_per_second,omitempty"` // at saturation
	Memory        int64      `json:"memory_bytes,omitempty"`        // resident, of all processes
	Handshakes    float64    `json:"handshakes_per_request,omitempty"`
	Blocked       int        `json:"attacks_blocked"`
	Attacks       int        `json:"attacks_total"` // that apply and were tried; 0: none was
	Skipped       int        `json:"attacks_skipped,omitempty"`
	Reach         *int       `json:"reach,omitempty"` // services that a compromised notification can use
	SecurityLines *Lines     `json:"security_lines,omitempty"`
	PolicyPlaces  []string   `json:"policy_places,omitempty"`
	Audited       []string   `json:"audited,omitempty"`
	Redeploy      []string   `json:"redeploy,omitempty"` // what restarts to change a rule
}

// Lines are lines of security code, by where they run.
type Lines struct {
	Gateway int `json:"gateway"`
	Service int `json:"service"` // in each service's own process, on the average
	Sidecar int `json:"sidecar"`
}

// Other is what a profile adds to another request.
type Other struct {
	Request string `json:"request"`
	Estimate
}

// Quantile is a point of a distribution: the share of requests that took no longer.
type Quantile struct {
	Share float64 `json:"share"` // 0 to 1
	Took  float64 `json:"us"`
}

// Control is what one control costs: left out of layered, and added to plaintext; both positive where it costs
// something. An interval that holds zero is "no measurable difference".
type Control struct {
	ID       string    `json:"id"`
	LeftOut  *Estimate `json:"left_out,omitempty"`
	AddedIn  *Estimate `json:"added_in,omitempty"`
	Attacks  []string  `json:"attacks,omitempty"`    // that it stops
	NotAlone string    `json:"why_absent,omitempty"` // why one or both weren't measured
}

// Estimate is a median difference.
type Estimate struct {
	P50  float64  `json:"p50_us"`
	CI95 Interval `json:"ci95_us"`
}

// Line is a control's (or another part's) time at a hop, for one request.
type Line struct {
	Hop     string   `json:"hop"`
	Control string   `json:"control"`
	P50     float64  `json:"p50_us"`
	P99     float64  `json:"p99_us"`
	CI95    Interval `json:"ci95_us,omitzero"` // of P50; without it a baseline can't be compared with it
}

// Load is what k6 saw of a profile at a constant arrival rate, and what the services saw of the same requests.
type Load struct {
	Profile    string  `json:"profile"`
	Rate       float64 `json:"rate_per_second"`
	Saturation float64 `json:"saturation_per_second"`
	Requests   int     `json:"requests"`
	Dropped    int     `json:"dropped"`
	P50        float64 `json:"p50_us"`
	P90        float64 `json:"p90_us"`
	P99        float64 `json:"p99_us"`
	ServiceP50 float64 `json:"service_p50_us"` // the gateway's own time
	ServiceP99 float64 `json:"service_p99_us"`
	// Served is how many requests the gateway counted meanwhile.
	Served int `json:"service_requests,omitempty"`
}

// Chain is what hops cost one after the other.
type Chain struct {
	Mode  string   `json:"mode"`
	Hops  int      `json:"hops"`
	P50   float64  `json:"p50_us"`
	Added float64  `json:"added_p50_us"` // to plaintext with as many hops
	CI95  Interval `json:"ci95_us"`      // of Added
}

// Detected is how fast the attacks on a threat were found, and answered. Times are in milliseconds; 0: none was measured.
type Detected struct {
	Threat       string  `json:"threat"`
	Attacks      int     `json:"attacks"` // that leave an event
	Found        int     `json:"found"`
	Detect       float64 `json:"detect_median_ms,omitempty"`
	DetectWorst  float64 `json:"detect_worst_ms,omitempty"`
	Contain      float64 `json:"contain_median_ms,omitempty"`
	ContainWorst float64 `json:"contain_worst_ms,omitempty"`
}

// Storm is the honest user's latency while something goes wrong, of the requests that were answered well; 0 where none was.
type Storm struct {
	Name      string   `json:"name"`
	P50       float64  `json:"p50_us"`
	P90       float64  `json:"p90_us,omitempty"`
	P99       float64  `json:"p99_us"`
	CI95      Interval `json:"ci95_us,omitzero"` // of P50
	CI95P90   Interval `json:"ci95_p90_us,omitzero"`
	CI95P99   Interval `json:"ci95_p99_us,omitzero"` // absent where too few requests lie beyond P99 for it to say anything
	Calm50    float64  `json:"calm_p50_us"`
	Calm90    float64  `json:"calm_p90_us,omitempty"`
	Calm99    float64  `json:"calm_p99_us"`
	Failed    int      `json:"failed"`
	Sent      int      `json:"sent"`
	Refused50 float64  `json:"refused_p50_us,omitempty"`   // how long those took to be refused that were
	Rejected  int      `json:"breaker_rejected,omitempty"` // calls that breakers refused without asking their upstream
	Ledger    []Line   `json:"ledger,omitempty"`
	Calm      []Line   `json:"calm_ledger,omitempty"` // the same user's, before
	// Late is by how much later than it was due the generator sent a request, at its median.
	Late float64 `json:"late_p50_us,omitempty"`
}
