// Honest traffic over every hop: what a scenario's arrivals do. Every scenario exports these functions.
import http from 'k6/http';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { check, fail } from 'k6';
import { target, bearer, json, documents } from './platform.js';

// setup registers a webhook source, as an administrator would, and warms each route once.
export function setup() {
  const name = `smoke-${Date.now()}`;
  const res = http.post(`${target.gateway}/v1/webhook-sources`, JSON.stringify({ name }), json(bearer('carol')));
  if (res.status !== 201) fail(`register webhook source: ${res.status} ${res.body}`);
  return { source: name, secret: res.json('secret') };
}

export function writeAndRead() {
  const doc = documents[__ITER % documents.length];
  const user = bearer(__ITER % 2 ? 'alice' : 'bob');
  const created = http.post(`${target.gateway}/v1/documents`, JSON.stringify(doc.body), json(user, 'POST /v1/documents'));
  check(created, {
    'document stored': (r) => r.status === 201,
    'language recognised': (r) => r.json('language') === doc.language,
    'document charged': (r) => r.json('charge') > 0,
  });
  if (created.status !== 201) return;
  const read = http.get(`${target.gateway}/v1/documents/${created.json('id')}`, json(user, 'GET /v1/documents/{id}'));
  check(read, { 'document read back': (r) => r.status === 200 && r.json('text') === doc.body.text });
  const page = http.get(`${target.gateway}/v1/documents?limit=5`, json(user, 'GET /v1/documents'));
  check(page, { 'documents listed': (r) => r.status === 200 && r.json('documents').length > 0 });
}

export function infer() {
  const doc = documents[__ITER % documents.length];
  const body = JSON.stringify({ model: 'langid', input: doc.body.text });
  const stream = __ITER % 2 === 1;
  const path = stream ? '/v1/inferences:stream' : '/v1/inferences';
  const res = http.post(target.gateway + path, body, json(bearer('alice'), `POST ${path}`));
  check(res, {
    'inference answered': (r) => r.status === 200,
    'label given': (r) => (stream ? r.body.includes('event: done') : r.json('labels.0.label') === doc.language),
  });
}

export function account() {
  const user = bearer('alice');
  check(http.get(`${target.gateway}/v1/account`, json(user, 'GET /v1/account')), {
    'account shown': (r) => r.status === 200 && r.json('owner') === 'alice',
  });
  check(http.get(`${target.gateway}/v1/account/transfers?limit=5`, json(user, 'GET /v1/account/transfers')), {
    'transfers balanced': (r) =>
      r.status === 200 && r.json('transfers').every((t) => t.entries.reduce((sum, e) => sum + e.amount, 0) === 0),
  });
  check(http.get(`${target.gateway}/v1/inbox?limit=5`, json(user, 'GET /v1/inbox')), { 'inbox shown': (r) => r.status === 200 });
}

// webhook signs as the Standard Webhooks specification says.
export function webhook(source) {
  const id = `msg_${__VU}_${__ITER}_${Date.now()}`;
  const timestamp = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ type: 'smoke.ping', data: { n: __ITER } });
  const key = encoding.b64decode(source.secret.replace(/^whsec_/, ''));
  const signature = crypto.hmac('sha256', key, `${id}.${timestamp}.${body}`, 'base64');
  const res = http.post(`${target.gateway}/v1/webhooks/${source.source}`, body, {
    headers: {
      'Content-Type': 'application/json',
      'Webhook-Id': id,
      'Webhook-Timestamp': String(timestamp),
      'Webhook-Signature': `v1,${signature}`,
    },
    tags: { name: 'POST /v1/webhooks/{source}' },
  });
  check(res, { 'webhook accepted': (r) => r.status >= 200 && r.status < 300 });
}
