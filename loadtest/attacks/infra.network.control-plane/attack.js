// NIST SP 800-190, section 4.3.3: each workload has a network to the control plane of its own, so that no two meet there.
import { probe } from '../lib/network.js';

const targets = ['vault payments-control', 'consul payments-control', 'consul-grpc payments-control'];

export function benign(lab) { probe(lab, targets); }
export function attack(lab) { probe(lab, targets); }
