// OpenTelemetry protocol: notification may report its own events. It reports one in the name of payments.
import { inside } from '../lib/inside.js';
import { batch } from '../lib/otlp.js';
import { random } from '../lib/forge.js';

function report(lab, name) {
  const body = batch(name, { 'event.id': random(16), 'event.dataset': 'redoubt.lifecycle', 'event.action': 'serving', 'event.outcome': 'success' });
  const res = inside(lab, 'sentinel', { method: 'POST', path: '/v1/logs', headers: [['Content-Type', 'application/x-protobuf']], body });
  lab.judge(res.status === 200 && res.body === '', `status ${res.status}`); // a body would say what wasn't taken
}

export function benign(lab) { report(lab, 'notification'); }
export function attack(lab) { report(lab, 'payments'); }
