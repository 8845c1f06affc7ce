package threatmodel_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"redoubt.example/threatmodel"
)

const good = `
- id: T-001
  title: A title
  scenario: Somebody does something.
  stride: [spoofing]
  owasp_api: ["API2:2023"]
  technique: [T1550.001]
  assets: [policy]
  path: [outside -> gateway, gateway -x payments]
  controls: {edge: [edge.scope]}
  residual: Something is left.
  owner: gateway
`

func folder(edge string) fs.FS {
	return fstest.MapFS{"edge.yaml": {Data: []byte(edge)}, "mesh.yaml": {}, "infrastructure.yaml": {}}
}

func TestWhatIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"ID":              {"T-001", "T-1"},
		"no title":        {"A title", ""},
		"STRIDE":          {"spoofing", "spoof"},
		"OWASP API":       {"API2:2023", "API11:2023"},
		"technique":       {"T1550.001", "1550"},
		"hop":             {"outside -> gateway", "outside to gateway"},
		"layer":           {"edge: [", "cloud: ["},
		"another's layer": {"edge.scope", "mesh.mtls"},
		"no control":      {"edge.scope", ""},
		"unknown field":   {"owner:", "possessor:"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := threatmodel.Read(folder(strings.Replace(good, change[0], change[1], 1))); err == nil {
				t.Fatal("it was read")
			}
		})
	}
	if _, err := threatmodel.Read(folder(good + good)); err == nil {
		t.Fatal("an ID was read twice")
	}
	if _, err := threatmodel.Read(fstest.MapFS{}); err == nil {
		t.Fatal("nothing was read")
	}
}

func TestHops(t *testing.T) {
	threats, err := threatmodel.Read(folder(good))
	if err != nil {
		t.Fatal(err)
	}
	want := []threatmodel.Hop{{From: "outside", To: "gateway", Allowed: true}, {From: "gateway", To: "payments"}}
	got := threats[0].Hops()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatal(got)
	}
}

// TestModel: at least thirty threats, in all three zones, the six stories among them.
func TestModel(t *testing.T) {
	threats, err := threatmodel.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(threats) < 30 {
		t.Fatalf("%d threats", len(threats))
	}
	zones, stories := map[threatmodel.Zone]int{}, map[string]int{}
	for _, one := range threats {
		zones[one.Zone]++
		stories[one.Story]++
	}
	for _, zone := range threatmodel.Zones {
		if zones[zone] == 0 {
			t.Error("no threat in zone", zone)
		}
	}
	for _, story := range threatmodel.Stories {
		if stories[story] != 1 {
			t.Errorf("%q is told %d times", story, stories[story])
		}
	}
}
