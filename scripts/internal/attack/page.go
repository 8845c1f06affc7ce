package attack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/browser"
)

const (
	opensWithin = 20 * time.Second // a browser, with the page in it
	looksWithin = 5 * time.Second  // at one thing
)

func browses() bool {
	_, err := browser.Find()
	return err == nil
}

// page gives what an attack on the lab's page needs: where it is, a link for the honest twin, and one that was used.
func (p *player) page(ctx context.Context, g *given, a attacks.Attack) error {
	if a.Needs != attacks.NeedsPage && a.Needs != attacks.NeedsBrowser {
		return nil
	}
	url := strings.TrimSuffix(p.lab.Status.PageURL, "/")
	var paths [2]string
	for i := range paths {
		link, err := p.lab.Client.PageLink(ctx)
		if err != nil {
			return err
		}
		paths[i] = strings.TrimPrefix(link.URL, url)
	}
	if err := open(ctx, url+paths[1]); err != nil {
		return err
	}
	g.data["page"] = map[string]string{"address": strings.TrimPrefix(url, "http://"), "link": paths[0], "spent": paths[1]}
	if a.Needs == attacks.NeedsPage {
		return nil
	}
	lured, err := p.wants(a, "lab.lure")
	if err != nil {
		return err
	}
	return p.operator(ctx, g, url, lured)
}

// open uses a link as the operator would.
func open(ctx context.Context, link string) error {
	ctx, cancel := context.WithTimeout(ctx, looksWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("open the page: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("open the page: %s", res.Status)
	}
	return nil
}

// operator is the attack's victim: somebody who has the lab's page open in his browser while the attack goes on. He follows a lure
// as soon as something is there; or looks at what he sends, on the lab's page.
func (p *player) operator(ctx context.Context, g *given, url string, lured bool) error {
	place, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	lure := place.Addr().String()
	if err := place.Close(); err != nil {
		return err
	}
	g.data["lure"] = lure
	link, err := p.lab.Client.PageLink(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	b, err := browser.Start(ctx)
	if err != nil {
		stop()
		return fmt.Errorf("start the operator's browser: %w", err)
	}
	done := make(chan struct{})
	g.undo = append(g.undo, func() {
		stop()
		<-done
		_ = b.Close() // its profile is in the folder for temporary files
	})
	if err := errors.Join(b.Call("Page.navigate", map[string]any{"url": link.URL}, nil), within(ctx, opensWithin, b, "document.querySelector('h1')?.textContent === 'Map'")); err != nil {
		close(done)
		return fmt.Errorf("open the page in a browser: %w", err)
	}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if lured {
				follow(ctx, b, lure)
			} else {
				look(ctx, b, url)
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	return nil
}

func within(ctx context.Context, most time.Duration, b *browser.Browser, expression string) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return b.Wait(ctx, expression)
}

// follow goes where the attacker's page is, once it is there. What comes of it is the attack's to say.
func follow(ctx context.Context, b *browser.Browser, lure string) {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", lure)
	if err != nil {
		return
	}
	_ = conn.Close()
	if b.Call("Page.navigate", map[string]any{"url": "http://" + lure + "/"}, nil) == nil {
		_ = within(ctx, looksWithin, b, "document.title === 'done'")
	}
}

// look has the page send a request for documents, and show the answer.
func look(ctx context.Context, b *browser.Browser, url string) {
	opening, cancel := context.WithTimeout(ctx, opensWithin)
	defer cancel()
	if b.Open(opening, url+"/request") != nil || within(ctx, looksWithin, b, "document.querySelector('#path')?.value") != nil {
		return
	}
	const send = `(() => { const s = document.querySelector("#sample"); s.value = "GET /v1/documents"; s.dispatchEvent(new Event("change")); document.querySelector("#send button").click(); })()`
	if b.Eval(send, nil) == nil {
		_ = within(ctx, looksWithin, b, "document.querySelector('#answer td')")
	}
}
