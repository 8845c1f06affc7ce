// Cases by rule: what a specification's grammar says, broken once at each place where it can be. Attacks try as many of a
// list as fit into their time.
import encoding from 'k6/encoding';

// tries sends each case until the time is over, in milliseconds, and returns what came back.
export function tries(cases, ms, send) {
  const until = Date.now() + ms;
  const seen = [];
  for (const one of cases) {
    if (Date.now() > until) break;
    seen.push(send(one));
  }
  return seen;
}

// told is the report of many tries: which of them won, or how many there were. Each that lost needs a record of its own.
export function told(lab, cases, seen, won) {
  const n = seen.findIndex(won);
  const text = (c) => (typeof c === 'string' ? c : JSON.stringify([...new Uint8Array(c)])).slice(0, 120);
  lab.judge(n >= 0, n >= 0 ? `case ${n + 1} got through: ${text(cases[n])}` : `${seen.length} of ${cases.length} cases: status ${[...new Set(seen.map((r) => r.status))]}`, { each: seen });
}

// strange are values of a type that isn't expected (RFC 8259, section 3).
const strange = ['null', 'true', '0', '1e9', '""', '[]', '{}', '["x"]', `"${'A'.repeat(300)}"`, '"\\u0000"', '"../../dev/null"', '"\' OR 1=1--"'];
const b64 = (text) => encoding.b64encode(text, 'rawurl');

// tokens are compact JWS (RFC 7515, section 7.1) over payload, which the signature isn't of: each header parameter of section
// 4.1 with each strange value and twice; each algorithm of RFC 7518 and each spelling of none (RFC 8725, section 3.2); each
// number of parts, filled or empty; each way to write base64url wrongly (RFC 4648, section 3).
export function tokens(good, payload) {
  const [h, p, s] = good.split('.');
  const b = b64(payload);
  const head = encoding.b64decode(h, 'rawurl', 's');
  const set = (name, value) => b64(head.replace(new RegExp(`"${name}":"[^"]*",?`), '').replace('{', `{"${name}":${value},`).replace(',}', '}'));
  const out = [];
  const names = ['alg', 'jku', 'jwk', 'kid', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'typ', 'cty', 'crit', 'zip', 'b64', 'enc'];
  names.forEach((name, n) => strange.filter((_, k) => (k + n) % 3 === 0).forEach((value) => out.push(`${set(name, value)}.${b}.${s}`)));
  for (const name of names) out.push(`${b64(head.replace('{', `{"${name}":"x","${name}":"y",`))}.${b}.${s}`);
  const algorithms = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'ES256K', 'RSA-OAEP', 'dir', 'A128KW', 'none', 'None', 'NONE', 'nOnE', ' none', 'none ', 'rs256', ''];
  for (const alg of algorithms) out.push(`${set('alg', JSON.stringify(alg))}.${b}.${s}`, `${set('alg', JSON.stringify(alg))}.${b}.`);
  for (let n = 0; n < 8; n++) out.push([n & 1 ? h : '', n & 2 ? b : '', n & 4 ? s : ''].join('.'));
  for (let n = 1; n < 7; n++) if (n !== 3) out.push([h, b, s, s, s, s].slice(0, n).join('.'));
  const wrong = [(x) => `${x}=`, (x) => `${x}==`, (x) => `${x.slice(0, 5)}+${x.slice(6)}`, (x) => `${x.slice(0, 5)}/${x.slice(6)}`, (x) => `${x.slice(0, 5)}%2d${x.slice(6)}`, (x) => `${x}A`, (x) => x.slice(1), (x) => `${x.slice(0, 5)}!${x.slice(6)}`];
  for (const f of wrong) out.push(`${f(h)}.${p}.${s}`, `${h}.${f(p)}.${s}`, `${h}.${p}.${f(s)}`);
  return out;
}

// texts are JSON that isn't any (RFC 8259), or that no two parsers read alike (RFC 7493), in the manner of JSONTestSuite's n_
// and i_ files: around a document that would be good. The value of title is where a value is broken.
export function texts() {
  const as = (title, rest) => `{"title":${title},"text":"The board agreed on Monday."${rest || ''}}`;
  const good = as('"A"');
  const out = [];
  for (const c of '{}:,') for (let at = good.indexOf(c); at >= 0; at = good.indexOf(c, at + 1)) out.push(good.slice(0, at) + good.slice(at + 1), good.slice(0, at) + c + good.slice(at));
  for (let c = 0; c < 32; c += 3) out.push(as(`"A${String.fromCharCode(c)}B"`)); // section 7: control characters are escaped
  for (const c of 'acdeghijklmopqsvwxyz0\'A UN') out.push(as(`"\\${c}"`)); // section 7: no other escapes
  for (const u of ['\\u', '\\u0', '\\u00', '\\u000', '\\u00g0', '\\u+041', '\\ud800', '\\udc00', '\\ud800\\u0041', '\\udc00\\ud800', '\\ud83d', '\\u{41}', '\\U0041']) out.push(as(`"${u}"`));
  for (const n of ['01', '-', '+1', '.5', '1.', '1.e1', '1e', '1e+', '0x1', '1_000', 'NaN', 'Infinity', '-Infinity', '--1', '1 2', '0b1', '1e999999']) out.push(as(n), `{"title":"A","text":"x","charge":${n}}`);
  for (const l of ['True', 'TRUE', 'nul', 'nulll', 'Null', 'undefined', 'None', '`A`', "'A'", 'A', '"A', 'A"', '"A""B"', '"A"+"B"', '"A" "B"', '/*A*/"A"', '"A"//']) out.push(as(l));
  for (const space of ['\u000b', '\u000c', '\u00a0', '\u2028', '\ufeff', '\u3000', '\u0000']) out.push(`${space}${good}`, `${good}${space}`, as(`${space}"A"`));
  for (const end of ['x', '{}', '[]', '"', ',', '\u0000', ' null', '\n{"title":"B","text":"x"}', '}', ']']) out.push(good + end);
  for (const name of ['title', 'text', 'Title', '\\u0074itle']) out.push(as('"A"', `,"${name}":"B"`)); // RFC 7493, section 2.3
  for (const depth of [100, 1000, 20000]) out.push(as('['.repeat(depth)), as('['.repeat(depth) + ']'.repeat(depth)), as('{"a":'.repeat(depth) + '1' + '}'.repeat(depth)));
  // RFC 3629: bytes that are no UTF-8, overlong, a surrogate, beyond the last character, cut short.
  for (const bytes of [[0xff], [0x80], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    const [before, after] = as('"A?B"').split('?').map((t) => [...t].map((c) => c.charCodeAt(0)));
    out.push(new Uint8Array([...before, ...bytes, ...after]).buffer);
  }
  return out;
}

// requests are heads of which two programs may read different ends (RFC 9112, sections 5, 6, 7 and 11.2): each part of a field
// of Transfer-Encoding or Content-Length disturbed, before and after the other one. A folded line isn't among them: section 5.2
// lets a server read it as one, and what goes on inside is written anew. doc is the body of a good request, head what
// comes before these fields.
export function requests(head, doc) {
  const n = doc.length;
  const hex = n.toString(16);
  const chunks = `${hex}\r\n${doc}\r\n0\r\n\r\n`;
  const length = `Content-Length: ${n}\r\n`;
  const out = [];
  const codings = ['chunked', 'Chunked', 'xchunked', 'chunkedx', 'chunked, identity', 'identity, chunked', 'identity', '"chunked"', 'chunked;a=b', 'chunked,', ',chunked', 'chu nked', '\u000bchunked', 'chunked\u0000', 'gzip, chunked', 'cow', ''];
  const names = ['Transfer-Encoding:', 'transfer-encoding:', 'Transfer-Encoding :', 'Transfer-Encoding\t:', 'Transfer_Encoding:', 'Transfer-Encoding:\r\n', 'Transfer-Encoding\u0000:', '\u0000Transfer-Encoding:', 'X: a\nTransfer-Encoding:', 'X: a\rTransfer-Encoding:', 'Trаnsfer-Encoding:', 'Transfer-Encoding::'];
  const fields = codings.map((c) => `Transfer-Encoding: ${c}\r\n`).concat(names.map((name) => `${name} chunked\r\n`));
  for (const f of fields) out.push(`${head}${f}${length}\r\n${doc}`, `${head}Content-Length: ${chunks.length}\r\n${f}\r\n${chunks}`);
  for (const l of [`+${n}`, `-${n}`, `0x${hex}`, `${n}.0`, `${n}e0`, `${n};`, `${n} ${n}`, `${n},${n}`, `${n}, ${n + 1}`, `"${n}"`, `${n}x`, `${n}\u0000`, '', ' ', '18446744073709551616', '1_0', '٤٢']) out.push(`${head}Content-Length: ${l}\r\n\r\n${doc}`);
  for (const other of [0, 1, n - 1, n + 1]) out.push(`${head}${length}Content-Length: ${other}\r\n\r\n${doc}`, `${head}Content-Length: ${other}\r\n${length}\r\n${doc}`);
  for (const name of ['Content-Length :', 'Content-Length\t:', 'Content_Length:', 'Content-Length\u0000:']) out.push(`${head}${name} ${n}\r\n${length}\r\n${doc}`);
  for (const size of [`0x${hex}`, `+${hex}`, `-${hex}`, `${hex} `, ` ${hex}`, `${hex};a`, `${hex};a="\r\n"`, `${hex}\u0000`, `FFFFFFFFFFFFFFFF${hex}`, `${hex}\n`, hex.toUpperCase()]) out.push(`${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${doc}\r\n0\r\n\r\n`);
  for (const field of ['Trailer: Content-Length\r\n', 'TE: trailers\r\n', 'Connection: Content-Length\r\n', 'Host: elsewhere\r\n', 'Host:\r\n', 'Expect: 100-continue, x\r\n', 'Upgrade: websocket\r\n']) out.push(`${head}${field}Transfer-Encoding: chunked\r\n${length}\r\n${doc}`);
  return out;
}
