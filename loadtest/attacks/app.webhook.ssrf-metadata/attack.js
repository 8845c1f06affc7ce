// Server-side request forgery (OWASP API7:2023): where a cloud keeps its machines' credentials.
import { registrable, register, withdraw } from '../lib/webhooks.js';

const urls = ['http://169.254.169.254/latest/meta-data/iam/security-credentials/', 'http://[fd00:ec2::254]/latest/', 'http://169.254.170.2/v2/credentials', 'http://2852039166/', 'http://0xa9fea9fe/',
  'http://[::ffff:169.254.169.254]/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://169.254.169.254.:80/', 'http://0251.0376.0251.0376/'];

export function benign(lab) { registrable(lab); }
export function attack(lab) { register(lab, urls); }
export function revert(lab) { withdraw(lab, 'alice'); }
