// NIST SP 800-190, section 4.3.3: modelstore's sidecar is on inference's network and on no other.
import { probe } from '../lib/network.js';

const targets = ['modelstore-sidecar inference-modelstore'];

export function benign(lab) { probe(lab, targets); }
export function attack(lab) { probe(lab, targets); }
