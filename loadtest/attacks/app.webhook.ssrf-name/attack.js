// DNS rebinding: a name says nothing about where it leads, and may lead somewhere else by the time that it is used. So it is
// taken when it is registered, and the address is looked at in the moment of connecting.
import { withdraw } from '../lib/webhooks.js';

const register = (lab, url, events) => lab.request({ method: 'POST', path: '/v1/webhook-endpoints', token: lab.tokens.bob, body: { url, events } });

// A public name, for messages of a kind that there never is: nothing is sent there.
export function benign(lab) {
  const res = lab.mesh.http(register(lab, 'https://example.com/hook', ['attack.never']));
  lab.judge(res.status === 201, `status ${res.status}`);
}

// Only the document is noted: the evidence has to be of its delivery, not of what was refused by looking at the URL.
export function attack(lab) {
  const inside = lab.mesh.listen({});
  const taken = lab.mesh.http(register(lab, `http://${lab.loopback_name}/`, ['*']));
  if (taken.status !== 201) throw new Error(`register the name: ${taken.status} ${taken.body}`);
  lab.mesh.http(register(lab, `http://${lab.loopback_name}:${inside.address.split(':')[1]}/`, ['*'])); // ours; another port is refused at once
  const sent = lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.bob, body: { title: 'Minutes', text: 'The board agreed on Monday.' } });
  if (sent.status !== 201) throw new Error(`store a document: ${sent.status} ${sent.body}`);
  const got = inside.await(3000);
  inside.close();
  lab.judge(got.length > 0, got.length ? `delivered inside: ${got[0].path}` : 'nothing arrived inside');
}

// All of bob's: alice's endpoints come and go with other attacks.
export function revert(lab) { withdraw(lab, 'bob'); }
