// NIST SP 800-190, section 4.3.3: an app reaches its own sidecar by a socket, and no sidecar by the network.
import { probe } from '../lib/network.js';

const targets = ['payments-sidecar gateway-payments', 'inference-sidecar gateway-inference', 'ingestion-sidecar gateway-ingestion'];

export function benign(lab) { probe(lab, targets); }
export function attack(lab) { probe(lab, targets); }
