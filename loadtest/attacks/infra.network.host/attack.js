// NIST SP 800-190, section 4.3.3: the gateway is published on the host's loopback, where its own machine reaches it. A container's
// loopback is its own.
import { probe } from '../lib/network.js';

export function benign(lab) { probe(lab, ['host loopback']); }
export function attack(lab) { probe(lab, ['host loopback']); }
