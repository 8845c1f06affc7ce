// Server-side request forgery (OWASP API7:2023): the special-purpose ranges of RFC 6890, other schemes, and ports that speak something else.
import { registrable, register, withdraw } from '../lib/webhooks.js';

const urls = ['http://10.0.0.1/', 'http://172.16.0.1/', 'http://192.168.0.1/', 'http://100.64.0.1/', 'http://[fc00::1]/', 'http://[fe80::1]/', 'http://[fe80::1%25lo]/', 'http://198.18.0.1/', 'http://224.0.0.1/',
  'http://255.255.255.255/', 'http://[ff02::1]/', 'http://192.0.2.1/', 'gopher://10.0.0.1/', 'file:///etc/passwd', 'ftp://10.0.0.1/', 'http://10.0.0.1:22/', 'http://example.com:6379/'];

export function benign(lab) { registrable(lab); }
export function attack(lab) { register(lab, urls); }
export function revert(lab) { withdraw(lab, 'alice'); }
