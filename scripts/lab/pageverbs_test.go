package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/page"
)

// notOnThePage are the verbs that the page hasn't, and why.
var notOnThePage = map[string]string{
	"page":  "it opens the page",
	"rates": "the map streams it",
	"up":    "there is a page once it is up", "down": "a page can't end what it is served by, and say how that went",
	"run": ownLab, "test": ownLab, "doctor": "it says what a lab needs before there is one",
	"bench": ownLab, "bench authz": ownLab, "bench chain": ownLab, "bench containers": ownLab, "bench flood": ownLab, "bench gateway": ownLab,
	"bench mesh": ownLab, "bench secrets": ownLab, "bench verify": ownLab, "exercise prove": ownLab,
	"load":   "it floods the machine that the page is served from",
	"report": "it is about any file; the newest run is beside the controls",
	"images": aboutFiles, "release": aboutFiles, "vulns": aboutFiles, "topology render": aboutFiles, "threat render": aboutFiles,
	"policy push": aboutFiles, "secrets scan": aboutFiles, "posture recommend": aboutFiles, "incident export": aboutFiles,
	"token": credentials, "apikey issue": credentials, "apikey list": credentials, "apikey revoke": credentials,
	"interview sheet": "it has the answers, and the candidate has the page open",
	"logs":            "lines hold what anybody wrote, without bounds", "events": "the map streams refusals; the rest is for queries",
	"attack prove": "a quarter of an hour, with controls off meanwhile", "attack reach": "minutes, of which nothing is seen until the end",
	"attack revert": "each attack that the page runs takes away what it leaves", "attack status": "threats show it where they are traced",
	"control delay": "it is for a harness that measures",
	"revoke key":    typed, "revoke lease": typed, "revoke service": typed, "revoke token": typed, "respond order": typed,
	"incident show":  "the list says what it is about; its story is told where it is exported to",
	"policy explain": "it takes a whole request", "posture": "a report of many lines, for the terminal",
	"secrets audit": "a report of many lines, for the terminal", "secrets seal": "then Vault answers nobody any more: it is typed",
	"threat show": "threat trace says it, with the evidence",
}

// The reasons that several have.
const (
	ownLab      = "it starts labs of its own, or is nothing to wait for in front of a page"
	aboutFiles  = "it is about files"
	credentials = "a credential is for whoever asks in the terminal: the page shows none"
	typed       = "it is about one target, for a reason: a person types both"
)

// TestThePageRunsVerbsThatThereAre: with flags that they have, and as many arguments as they take.
func TestThePageRunsVerbsThatThereAre(t *testing.T) {
	root := (&app{}).root()
	for _, line := range page.Lines() {
		words := strings.Fields(line)
		cmd, rest, err := root.Find(words)
		require.NoError(t, err, line)
		require.True(t, cmd != root && cmd.Runnable(), line)
		for name, value := range map[string]string{"minutes": "45", "seed": "7"} { // what is a number
			for i := range rest {
				rest[i] = strings.ReplaceAll(rest[i], "{"+name+"}", value)
			}
		}
		require.NoError(t, cmd.ParseFlags(rest), line)
		for _, word := range rest {
			if name, ok := strings.CutPrefix(word, "--"); ok {
				require.NotNil(t, cmd.Flag(name), "%s: there is no %s", line, word)
			}
		}
		args := cmd.Flags().Args()
		require.NoError(t, cmd.ValidateArgs(args), line)
		require.False(t, cmd.HasSubCommands() && len(args) > 0 && !strings.HasPrefix(args[0], "{"), "%s: there is no such subject", line)
	}
}

// TestWhatTheCommandLineCanIsOnThePage, or there is a reason. No reason is given for what is there, or isn't anywhere.
func TestWhatTheCommandLineCanIsOnThePage(t *testing.T) {
	root := (&app{}).root()
	shown := map[*cobra.Command]bool{}
	for _, line := range page.Lines() {
		cmd, _, err := root.Find(strings.Fields(line))
		require.NoError(t, err)
		shown[cmd] = true
	}
	verbs := map[string]bool{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
		if cmd == root || cmd.HasSubCommands() && strings.ContainsAny(cmd.Use, "|<") || cmd.Use == "topology render" && cmd.HasSubCommands() {
			return // it only names its parts
		}
		name := strings.TrimPrefix(cmd.CommandPath(), "lab ")
		verbs[name] = true
		reason := notOnThePage[name]
		if shown[cmd] {
			require.Empty(t, reason, "%s is on the page", name)
			return
		}
		require.NotEmpty(t, reason, "lab %s isn't on the page, and nobody says why", name)
	}
	walk(root)
	for name := range notOnThePage {
		require.True(t, verbs[name], "there is no lab %s", name)
	}
}

// TestThePageShowsCommandsThatThereAre: in its templates.
func TestThePageShowsCommandsThatThereAre(t *testing.T) {
	root := (&app{}).root()
	files, err := filepath.Glob("../internal/page/templates/*.tmpl")
	require.NoError(t, err)
	typed := regexp.MustCompile(`call \.Typed "([^"]*)"`)
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range typed.FindAllStringSubmatch(string(raw), -1) {
			found++
			if m[1] == "help" {
				continue
			}
			cmd, rest, err := root.Find(strings.Fields(m[1]))
			require.NoError(t, err, m[1])
			require.NotSame(t, root, cmd, m[1])
			for _, word := range rest {
				if name, ok := strings.CutPrefix(word, "--"); ok {
					require.NotNil(t, cmd.Flag(name), m[1])
				}
			}
		}
		require.NotContains(t, strings.ReplaceAll(string(raw), "{{.Command}}</code></p>{{end}}", ""), "<code>lab ", file)
	}
	require.Greater(t, found, 5)
}

// TestShownCommandsNameTheLab: where it isn't the default one.
func TestShownCommandsNameTheLab(t *testing.T) {
	require.Equal(t, "lab page", plan{Called: "lab", Flag: (&app{path: ".lab"}).dirFlag()}.typed("page"))
	require.Equal(t, "lab page --dir other", plan{Called: "lab", Flag: (&app{path: "other"}).dirFlag()}.typed("page"))
}
