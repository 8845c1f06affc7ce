// Server-side request forgery (OWASP API7:2023): every spelling of this machine's own address (RFC 3986, RFC 4291, WHATWG URL).
import { registrable, register, withdraw } from '../lib/webhooks.js';

const urls = ['http://127.0.0.1/', 'http://localhost/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/',
  'http://0.0.0.0/', 'http://[::]/', 'http://127.0.0.1.:80/', 'http://LOCALHOST:80/', 'http://a.localhost/', 'http://127.0.0.1:8500/v1/agent/self', 'https://127.0.0.1:8200/v1/sys/health', 'http://127.000.000.001/',
  'http://127.0.0.1%2f@example.com/', 'http://example.com@127.0.0.1/', 'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::]/', 'http://\u2460\u2461\u2466.0.0.1/', 'http://127.0.0.1#@example.com/'];

export function benign(lab) { registrable(lab); }
export function attack(lab) { register(lab, urls); }
export function revert(lab) { withdraw(lab, 'alice'); }
