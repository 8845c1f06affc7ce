package main

import (
	"fmt"
	"sync"

	"redoubt.example/gateway/internal/waf"
)

// Inspection is where and how strictly the Core Rule Set is applied.
//
// The exceptions are the routes whose bodies may say anything: prose for people and models (a document about SQL
// injection is a document), addresses for webhooks, and what other companies' webhooks carry. There, what the rules
// find is recorded, and goes on to services that put none of it into a query, a command or a page.
type Inspection struct {
	WAF       string   `env:"GATEWAY_WAF" envDefault:"block"`     // off, detect or block
	WAFLevel  int      `env:"GATEWAY_WAF_LEVEL" envDefault:"1"`   // paranoia level, 1 to 4
	WAFBody   int      `env:"GATEWAY_WAF_BODY" envDefault:"8192"` // the longest body that is inspected, in bytes; 0: any
	WAFRoutes []string `env:"GATEWAY_WAF_ROUTES" envDefault:"POST /v1/documents=detect,POST /v1/documents:batch=detect,POST /v1/inferences=detect,POST /v1/inferences:stream=detect,POST /v1/webhook-endpoints=detect,POST /v1/webhooks/{source}=detect"`
}

func (i Inspection) policy() (waf.Policy, error) {
	exceptions := i.WAFRoutes
	if i.WAF == string(waf.Off) { // the whole of it: nothing is loaded
		exceptions = nil
	}
	p, err := waf.ParsePolicy(i.WAF, i.WAFLevel, exceptions)
	if err != nil {
		return p, fmt.Errorf("REDOUBT_GATEWAY_WAF, REDOUBT_GATEWAY_WAF_LEVEL or REDOUBT_GATEWAY_WAF_ROUTES: %w", err)
	}
	if i.WAFBody < 0 {
		return p, fmt.Errorf("REDOUBT_GATEWAY_WAF_BODY %d is negative", i.WAFBody)
	}
	p.MaxBody = i.WAFBody
	return p, nil
}

// load compiles the rules while the process does its other preparations; the function that it returns waits.
func (i Inspection) load() func() (*waf.Guard, error) {
	wait := sync.OnceValues(func() (*waf.Guard, error) {
		p, err := i.policy()
		if err != nil {
			return nil, err
		}
		return waf.Load(p)
	})
	go func() { _, _ = wait() }()
	return wait
}
