package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/controls"
)

// verb is one command line that the page may run. "{x}" is replaced by the parameter x, as one argument that can be no flag.
type verb struct {
	line  string
	stdin string        // the parameter that the verb reads from standard input
	most  time.Duration // it is stopped afterwards
}

// reads change nothing; a GET may ask for them.
var reads = map[string]verb{
	"alerts":    {line: "alerts"},
	"incidents": {line: "incident list"},
	"responses": {line: "respond list"},
	"controls":  {line: "control list"},
	"attacks":   {line: "attack list"},
	"attack":    {line: "attack show {id}"},
	"threats":   {line: "threat list"},
	"threat":    {line: "threat trace {id}"},
	"exercises": {line: "exercise list"},
	"progress":  {line: "exercise progress"},
	"secrets":   {line: "secrets list"},
	"status":    {line: "status"},

	"interviews": {line: "interview list"},
	"interview":  {line: "interview status"},
}

// orders change something, or put load on the lab: one at a time, by a POST with the page's token.
var orders = map[string]verb{
	"trace":             {line: "trace {method} {path} --body -", stdin: "body"},
	"attack":            {line: "attack run {id}", most: 5 * time.Minute},
	"approve":           {line: "respond approve {id}"},
	"undo":              {line: "respond undo {id}"},
	"mode":              {line: "respond mode {id} {mode}"},
	"off":               {line: "control off {id}"},
	"on":                {line: "control on {id}"},
	"stop":              {line: "stop {id}"},
	"start":             {line: "start {id}"},
	"rotate":            {line: "rotate leaf"},
	"rotate-db":         {line: "rotate db"},
	"rotate-token-key":  {line: "rotate token-key"},
	"rotate-transit":    {line: "rotate transit"},
	"rotate-ca":         {line: "rotate ca", most: 5 * time.Minute},
	"exercise-start":    {line: "exercise start {id}", most: 10 * time.Minute},
	"exercise-apply":    {line: "exercise apply", most: 10 * time.Minute},
	"exercise-check":    {line: "exercise check", most: 10 * time.Minute},
	"exercise-hint":     {line: "exercise hint"},
	"exercise-reset":    {line: "exercise reset", most: 10 * time.Minute},
	"exercise-solution": {line: "exercise solution"},
	"exercise-stop":     {line: "exercise stop"},
	"interview-start":   {line: "interview start --level {level} --kind {kind} --minutes {minutes} --seed {seed}", most: 10 * time.Minute},
	"interview-apply":   {line: "interview apply", most: 10 * time.Minute},
	"interview-check":   {line: "interview check", most: 10 * time.Minute},
	"interview-end":     {line: "interview end", most: 10 * time.Minute},
}

// usually is how long a verb may take where nothing else is said.
const usually = 2 * time.Minute

// parameters are what each may be. None begins with "-", so none is a flag.
var parameters = map[string]*regexp.Regexp{
	"id":      regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`),
	"mode":    regexp.MustCompile(`^(off|propose|auto)$`),
	"method":  regexp.MustCompile(`^(GET|POST|PUT|DELETE)$`),
	"level":   regexp.MustCompile(`^[a-z][a-z-]{0,19}$`),
	"kind":    regexp.MustCompile(`^(|incident|design)$`), // "": either
	"minutes": regexp.MustCompile(`^[1-9][0-9]{0,2}$`),
	"seed":    regexp.MustCompile(`^[0-9]{1,19}$`),
	"path":    regexp.MustCompile(`^/v1/[!-~]{0,300}$`),
}

const mostBody = 64 << 10

// Lines are all command lines that the page may run, parameters in braces.
func Lines() (all []string) {
	for _, verbs := range []map[string]verb{reads, orders} {
		for _, v := range verbs {
			all = append(all, v.line)
		}
	}
	slices.Sort(all)
	return all
}

// arguments fills a verb's line.
func (v verb) arguments(given map[string]string) (args []string, err error) {
	known := map[string]bool{v.stdin: true}
	for _, word := range strings.Fields(v.line) {
		name, isParameter := strings.CutPrefix(word, "{")
		if !isParameter {
			args = append(args, word)
			continue
		}
		name = strings.TrimSuffix(name, "}")
		known[name] = true
		if !parameters[name].MatchString(given[name]) {
			return nil, fmt.Errorf("%q can't be %s", given[name], name)
		}
		args = append(args, given[name])
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			return nil, fmt.Errorf("lab %s has no %q", v.line, name)
		}
	}
	return args, nil
}

// ask answers a GET by a verb that changes nothing.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	v, ok := reads[r.PathValue("verb")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	given := map[string]string{}
	for name, values := range r.URL.Query() {
		given[name] = values[0]
	}
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	case <-r.Context().Done():
		return
	}
	s.do(w, r, v, given)
}

// order answers a POST by a verb that changes something. It goes on to its end, whether or not the browser waits.
func (s *Server) order(w http.ResponseWriter, r *http.Request) {
	v, ok := orders[r.PathValue("verb")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	given := map[string]string{}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" && s.on(controls.InfraPageOrigin) {
		s.deny(r, controls.InfraPageOrigin, "a form of any page could send this", "origin", short(r.Header.Get("Origin")))
		http.Error(w, "JSON, please.", http.StatusUnsupportedMediaType)
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(&given); err != nil {
		http.Error(w, "That is no object of texts.", http.StatusBadRequest)
		return
	}
	if doing, free := s.live.begin("lab " + v.line); !free {
		reply(w, http.StatusConflict, Answer{Error: "the lab is busy: " + doing})
		return
	}
	defer s.live.end()
	s.do(w, r, v, given)
}

func (s *Server) do(w http.ResponseWriter, r *http.Request, v verb, given map[string]string) {
	args, err := v.arguments(given)
	if err != nil {
		reply(w, http.StatusBadRequest, Answer{Error: err.Error()})
		return
	}
	most := v.most
	if most == 0 {
		most = usually
	}
	reply(w, http.StatusOK, s.cfg.Run(r.Context(), Call{Args: args, Stdin: given[v.stdin], Most: most, Drawn: r.Method == http.MethodGet && len(given) == 0}))
}

func reply(w http.ResponseWriter, status int, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // the browser has gone: nobody to tell
}
