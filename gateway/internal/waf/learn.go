package waf

import (
	"encoding/json"
	"net/http"
	"strings"
)

// prose is what documents are made of: the automatons learn here the states that ordinary words lead to.
var prose = []string{
	"The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs; how vexingly quick daft zebras jump!",
	"Minutes of the board meeting, 14 October 2026, 09:30-11:15: the members agreed to publish the annual report and to select an auditor from three offers.",
	"Dear Ms O'Neill, thank you for your order no. 4711 (two chairs, one table). We'd like to deliver it between Monday and Wednesday; please call +49 30 1234567.",
	"Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Bitte überweisen Sie den Betrag von 1.250,00 EUR bis zum 30. Juni.",
	"Portez ce vieux whisky au juge blond qui fume. L'été dernier, où étiez-vous? Ça n'a pas d'importance.",
	"El veloz murciélago hindú comía feliz cardillo y kiwi. ¿Cuándo llega el próximo tren a Málaga?",
	"Ma la volpe, col suo balzo, ha raggiunto il quieto Fido. O próximo relatório será publicado amanhã.",
	"First insert the key, then update the table of contents, delete the last line and drop the box where it was created; or set it aside.",
	"See https://www.example.org/reports/2026/summary.html or write to info@example.org. Costs rose by 3.5 % (from $1,200 to $1,242).",
	"She wrote: \"It works!\" - and it did; well, almost... Questions? Ask Bob & Alice, and/or the others [1, 2] {3}.",
	"1234567890 00 42 3.14 -1 1e6 0xff true false null none yes no a b c d e f g h i j k l m n o p q r s t u v w x y z",
}

// learnRounds is more than enough: each adds what one text may.
const learnRounds = 64

// learn has the screen see such texts until it knows them.
func (e *Engine) learn() error {
	for _, text := range append(prose, strings.Join(prose[:4], " ")) {
		body, err := json.Marshal(map[string]string{"title": text[:20], "text": text})
		if err != nil {
			return err
		}
		r := Request{Method: "POST", URI: "/v1/documents?limit=20&cursor=bmV4dCBwYWdl", Proto: "HTTP/2.0", Address: "192.0.2.1", Body: body, Header: http.Header{
			"Host": {"gateway"}, "Accept": {"application/json, */*;q=0.5"}, "Accept-Language": {"en-GB,en;q=0.9,de;q=0.8"}, "Content-Type": {"application/json"},
			"Idempotency-Key": {"01939f6e-72a6-7d7c-a2a4-3d3f8b1f6a61"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) curl/8.11.1 Go-http-client/2.0 k6/1.8"}}}
		for range learnRounds {
			clean, err := e.Screen(r)
			if err != nil {
				return err
			}
			if clean {
				break
			}
		}
	}
	return nil
}
