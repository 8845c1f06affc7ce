// NIST SP 800-190, section 4.3.3: PostgreSQL's address on payments' network, which the engine lets nobody pass to from another one.
import { probe } from '../lib/network.js';

const targets = ['postgres payments-database'];

export function benign(lab) { probe(lab, targets); }
export function attack(lab) { probe(lab, targets); }
